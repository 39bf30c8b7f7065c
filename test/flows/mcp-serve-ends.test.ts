import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { launcher, makeHome, startDaemon, type Home } from '../fixtures/daemon.ts'
import { eventually } from '../fixtures/eventually.ts'
import { lineWith } from '../fixtures/free-port.ts'
import { call, config, connect } from './mcp-peer.ts'

// Each has a home of its own, and waits in real time: they wait together.
t.jobs = 3

t.test('a gateway that restarts is found again', async t => {
  const home = await makeHome(t, config())
  const first = await startDaemon(t, home)
  const { client, said } = await connect(t, home, ['--verbose', '--claude-channel-mode', 'off'])
  t.equal(client.getServerCapabilities()!.experimental, undefined)
  await call(client, 'conversations_list')
  await first.stop()
  // A call that goes out while the gateway hangs up has an error of its own.
  const wordsOf = async (): Promise<string> => JSON.stringify(await call(client, 'conversations_list'))
  await eventually(wordsOf, words => /"isError":true/.test(words) && /not reachable just now/.test(words), 60_000)
  await startDaemon(t, home)
  await eventually(async () => (await call(client, 'conversations_list')).isError !== true, Boolean, 60_000)
  await eventually(said, text => /hung up.*\n.*The gateway is back/.test(text))
})

interface Ended { readonly code: number | null, readonly out: string, readonly err: string }

/** A client that says this and stays. */
async function speak ({ env }: Home, args: readonly string[], lines: string): Promise<Ended> {
  const child = spawn(process.execPath, [launcher, 'mcp', 'serve', ...args], { env, stdio: 'pipe' })
  let [out, err] = ['', '']
  child.stdout.on('data', chunk => { out += chunk })
  child.stderr.on('data', chunk => { err += chunk })
  child.stdin.on('error', () => {})
  child.stdin.write(lines)
  const [code] = await once(child, 'close') as [number | null]
  return { code, out, err }
}

t.test('a wrong credential and an absent gateway end the bridge with a sentence, and nothing but the protocol is on its output', async t => {
  const home = await makeHome(t, config())
  const absent = await speak(home, ['--timeout', '500'], '')
  t.equal(absent.out, '')
  t.not(absent.code, 0)
  t.match(absent.err, /not reachable/)
  await startDaemon(t, home)
  const file = join(home.stateDir, 'wrong-token')
  writeFileSync(file, 'wrong-token-0123456789\n')
  const lines = 'nonsense\n{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
  const refused = await speak(home, ['--url', `ws://127.0.0.1:${home.port}`, '--token-file', file], lines)
  t.not(refused.code, 0)
  t.match(refused.err, /token/i)
  t.notMatch(refused.err, /wrong-token-0123456789/)
  const replies = refused.out.trim().split('\n').map(line => JSON.parse(line))
  t.match(replies.find(({ id }) => id === null), { error: { code: -32700 } })
  t.match(replies.find(({ id }) => id === 1), { result: {} })
  t.match((await speak(home, ['--token-file', '/no/such/file'], '')).err, /cannot be read/)
})

t.test('a client that goes away takes its bridge with it', async t => {
  const home = await makeHome(t, config())
  await startDaemon(t, home)
  const child = spawn(process.execPath, [launcher, 'mcp', 'serve'], { env: home.env, stdio: ['pipe', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  child.stdin.write('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"events_wait","arguments":{}}}\n')
  child.stdin.write('{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"events_poll","arguments":{}}}\n')
  // The first one goes on while the second is answered.
  t.match(JSON.parse(await lineWith(child.stdout, '"id":2')), { result: {} })
  child.stdin.end()
  t.equal((await closed)[0], 0)
})
