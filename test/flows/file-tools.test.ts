import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { startGateway } from '../helper.ts'
import { invoke } from './tool-call.ts'
import { bubblewrapMissing } from '../tools/sandbox/scene.ts'

const names = ['read', 'ls', 'write', 'edit', 'apply_patch']
const secret = 'canary-of-the-gateway'

t.test('file tools are not there for programs unless they are allowed by name', async t => {
  const gateway = await startGateway(t)
  for (const name of names) t.equal((await invoke(gateway, name, { path: 'x', content: '', input: '', edits: [] })).status, 404, name)
})

t.test('a program that may use them works in the workspace of the agent and not beside it', async t => {
  const gateway = await startGateway(t, { config: { gateway: { tools: { allow: names } } } })
  const workspace = join(gateway.stateDir, 'workspace')
  t.match((await invoke(gateway, 'write', { path: 'notes/a.txt', content: 'one\n' })).details, { changed: true, created: true, diff: '+1 one' })
  t.equal(readFileSync(join(workspace, 'notes/a.txt'), 'utf8'), 'one\n')
  t.match((await invoke(gateway, 'edit', { path: 'notes/a.txt', edits: [{ oldText: 'one', newText: 'two' }] })).details, { changed: true })
  t.same((await invoke(gateway, 'read', { path: 'notes/a.txt' })).details, { kind: 'text', content: 'two\n' })
  writeFileSync(join(gateway.stateDir, 'openclaw.json'), secret)
  symlinkSync(join(gateway.stateDir, 'openclaw.json'), join(workspace, 'config.json'))
  for (const path of ['../openclaw.json', 'config.json', join(gateway.stateDir, 'openclaw.json'), '/etc/passwd']) {
    const { status, details, raw } = await invoke(gateway, 'read', { path })
    t.match({ status, details }, { status: 200, details: { status: 'error', tool: 'read', error: /^Not allowed/ } }, path)
    t.notMatch(raw, secret)
  }
  t.equal((await invoke(gateway, 'read', { path: 7 })).status, 400)
})

t.test('commands and files of a sandboxed session are in the same place, and the gateway is out of reach', { skip: bubblewrapMissing() }, async t => {
  const server = createServer((_, response) => response.end(secret)).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const gateway = await startGateway(t, {
    config: { gateway: { tools: { allow: [...names, 'exec'] } }, agents: { defaults: { sandbox: { mode: 'all' } } }, tools: { exec: { security: 'full', ask: 'off' } } }
  })
  mkdirSync(join(gateway.stateDir, 'workspace'), { recursive: true })
  writeFileSync(join(gateway.stateDir, 'openclaw.json'), secret)
  t.match((await invoke(gateway, 'write', { path: 'f', content: 'shared' })).details, { created: true })
  const shown = await invoke(gateway, 'exec', { command: 'cat f; pwd; echo made > g' })
  t.match(shown.text, /^shared\/workspace$/, shown.raw)
  t.match((await invoke(gateway, 'read', { path: '/workspace/g' })).details, { content: 'made\n' })
  for (const command of [`cat ${gateway.stateDir}/openclaw.json`, `bash -c 'cat < /dev/tcp/127.0.0.1/${port}'`, `bash -c 'cat < /dev/tcp/127.0.0.1/${gateway.port}'`]) {
    const { raw, details } = await invoke(gateway, 'exec', { command })
    t.notMatch(raw, secret)
    t.not(details['exitCode'], 0, command)
  }
})

t.test('where no sandbox can be made a command that belongs into one is refused', async t => {
  const gateway = await startGateway(t, {
    env: { PATH: '/nowhere' },
    config: { gateway: { tools: { allow: ['exec'] } }, agents: { defaults: { sandbox: { mode: 'all' } } }, tools: { exec: { security: 'full', ask: 'off' } } }
  })
  const { status, raw } = await invoke(gateway, 'exec', { command: `touch ${gateway.stateDir}/ran` })
  t.equal(status, 403)
  t.match(JSON.parse(raw), { ok: false, error: { type: 'tool_call_blocked', message: /bubblewrap is not installed\. Install it: "apt-get install bubblewrap"/ } })
  t.throws(() => readFileSync(join(gateway.stateDir, 'ran')))
})
