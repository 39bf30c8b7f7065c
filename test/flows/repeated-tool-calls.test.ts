import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { createKeptCalls } from '../../src/tools/kept-calls.ts'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import type { CallScope, Performed } from '../../src/tools/invoke.ts'
import { makeHome, startDaemon, type Home } from '../fixtures/daemon.ts'
import { eventually } from '../fixtures/eventually.ts'

const token = 'a-token-of-this-test-0123456789'
const config = { gateway: { mode: 'local', auth: { token }, tools: { allow: ['exec'] } } }

async function invoke ({ port }: Home, body: object): Promise<{ status: number, body: any }> {
  const response = await fetch(`http://127.0.0.1:${port}/tools/invoke`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body)
  })
  return { status: response.status, body: await response.json() }
}

t.test('a repeated key is one call also after a restart, and what a killed gateway had begun is not begun again', async t => {
  const home = await makeHome(t, config)
  const request = { tool: 'exec', args: { command: 'echo x >> count.txt; wc -l < count.txt' }, idempotencyKey: 'k1' }
  const slow = { tool: 'exec', args: { command: 'echo x >> slow.txt; exec sleep 20' }, idempotencyKey: 'k2' }
  const wrong = { tool: 'exec', args: { command: 'true', workdir: 'later' }, idempotencyKey: 'k3' }

  const first = await startDaemon(t, home)
  t.match((await invoke(home, request)).body, { ok: true, result: { details: { aggregated: '1\n' } } })
  t.match((await invoke(home, wrong)).body, { ok: true, result: { isError: true } })
  await first.stop()

  const second = await startDaemon(t, home)
  t.match((await invoke(home, request)).body, { ok: true, result: { details: { aggregated: '1\n' } } })
  t.match(await invoke(home, { ...request, args: { command: 'true' } }), { status: 400, body: { error: { message: /already used for another request/ } } })
  t.match((await invoke(home, { tool: 'exec', args: { command: 'mkdir later' } })).body, { result: { details: { exitCode: 0 } } })
  t.match((await invoke(home, wrong)).body, { result: { details: { exitCode: 0 } } }, 'what failed may be tried again')
  const lost = invoke(home, slow).catch(() => 'lost')
  const file = join(home.stateDir, 'workspace', 'slow.txt')
  await eventually(() => existsSync(file))
  await second.stop('SIGKILL')
  t.equal(await lost, 'lost')

  await startDaemon(t, home)
  t.match(await invoke(home, slow), { status: 400, body: { error: { type: 'invalid_request', message: /nobody knows how far it came/ } } })
  t.equal(readFileSync(file, 'utf8'), 'x\n')
})

t.test('what commands and repeated calls need is loaded with the first of them', async t => {
  const home = await makeHome(t, config)
  const list = join(home.stateDir, 'loaded-modules.txt')
  const recorder = new URL('../fixtures/loaded-modules.ts', import.meta.url).href
  await startDaemon(t, { ...home, env: { ...home.env, NODE_OPTIONS: `--import ${recorder}`, LOADED_MODULES: list } })
  const late = /src\/tools\/(kept-calls|guards\/|exec\/(room|consent|command-check|shell-words|spawner\/)|files\/(reading|writing|patching|foreseeing))/
  const loaded = (): string[] => readFileSync(list, 'utf8').split('\n').filter(url => late.test(url))
  t.same(loaded(), [])
  await invoke(home, { tool: 'exec', args: { command: 'true' }, idempotencyKey: 'k1' })
  t.ok(loaded().some(url => url.includes('kept-calls')) && loaded().some(url => url.includes('command-check')), 'the list is a list')
})

t.test('kept calls are bounded in number, in length and in time', async t => {
  const store = createMemoryStore()
  const calls = store.collection<any>('idempotency')
  let time = 1_000
  const open = () => createKeptCalls({ calls, now: () => time, log: { warn: () => {} }, maxCalls: 3 })
  const scopeOf = (key: string): CallScope => ({ principal: 'p', method: 'm', key, toolName: 'tool', fingerprint: 'f' })
  let done = 0
  const work = (text: string) => async (): Promise<Performed> => {
    done++
    return { fingerprint: 'f', outcome: { kind: 'done', toolName: 'tool', source: 'core', result: { content: [{ type: 'text', text }], details: { text } } } }
  }
  const kept = await open()
  for (const key of ['a', 'b', 'c', 'd', 'e']) {
    time++
    await kept.run(scopeOf(key), work('x'.repeat(100_000)))
  }
  t.equal((await calls.all()).length, 3)
  const again = await open()
  const { outcome } = await again.run(scopeOf('e'), work('never'))
  t.equal(done, 5)
  t.match(outcome, { kind: 'done', result: { content: [{ text: /^The call was carried out before, .* too long to be kept.*: x{1000}$/ }] } })
  await again.run(scopeOf('a'), work('anew'))
  t.equal(done, 6, 'the oldest made room')
  time += 25 * 60 * 60_000
  await again.run(scopeOf('e'), work('the next day'))
  t.equal(done, 7)
  t.equal((await calls.all()).length, 1)
})
