import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { runCli } from '../cli/run-cli.ts'
import { makeHome, startDaemon } from '../fixtures/daemon.ts'
import { admitted } from '../helper.ts'

const token = 'flow-token-0123456789abcdef0123456789abcdef'

t.test('the person at the machine sees, changes and replaces what agents may run', async t => {
  const home = await makeHome(t, { gateway: { mode: 'local', auth: { token } } })
  await startDaemon(t, home)
  const cli = (...argv: string[]) => runCli(argv, { env: home.env })
  t.match(await cli('approvals', 'get'), { code: 0, out: /security full, ask off, askFallback deny/ })
  t.match(await cli('approvals', 'allowlist', 'add', 'rg', '--agent', 'main'), { code: 0, out: /rg was added/ })
  t.match(await cli('approvals', 'allowlist', 'add', 'rg', '--agent', 'main'), { code: 0, out: /Nothing to change/ })
  t.match((await cli('approvals', 'get', '--json')).json(), { exists: true, file: { agents: { main: { allowlist: [{ id: String, pattern: 'rg' }] } } } })
  t.match(await cli('approvals', 'allowlist', 'remove', 'rg', '--agent', 'main'), { code: 0, out: /rg was removed/ })
  t.match(await cli('approvals', 'allowlist', 'forget', 'rg'), { code: 1, err: /add <pattern>, or remove/ })
  const file = join(home.stateDir, '..', 'approvals.json')
  await writeFile(file, '{version: 1, defaults: {security: "allowlist", ask: "on-miss"}}')
  t.match(await cli('approvals', 'set', '--file', file), { code: 0 })
  t.match(await cli('approvals', 'get'), { out: /security allowlist, ask on-miss/ })
  await writeFile(file, '{version: 1, defaults: {security: "open"}}')
  t.match(await cli('approvals', 'set', '--file', file), { code: 1, err: /security must be one of/ })
  t.match(await cli('approvals', 'set'), { code: 1, err: /--file/ })
})

t.test('a decision can be made at the command line', async t => {
  const home = await makeHome(t, { gateway: { mode: 'local', auth: { token } } })
  await startDaemon(t, home)
  const cli = (...argv: string[]) => runCli(argv, { env: home.env })
  t.match(await cli('approvals', 'pending'), { code: 0, out: /Nothing waits/ })
  const { client } = await admitted(`ws://127.0.0.1:${home.port}`, { auth: { token }, adjust: params => ({ ...params, caps: ['approvals'] }) })
  const id = randomUUID()
  const answer = client.request('exec.approval.request', { id, command: 'echo hi', agentId: 'main', timeoutMs: 60_000 }, 20_000)
  await client.event('exec.approval.requested')
  t.match(await cli('approvals', 'pending'), { out: new RegExp(`${id}.*main.*"echo hi"`) })
  t.match(await cli('approvals', 'resolve', id, 'allow-once'), { code: 0, out: /Decided: allow-once/ })
  t.match(await answer, { payload: { id, decision: 'allow-once' } })
  t.match(await cli('approvals', 'resolve', id, 'deny'), { code: 1, err: /Somebody decided before: allow-once/ })
  t.match(await cli('approvals', 'resolve', 'nope', 'deny'), { code: 1, err: /approval not found/ })
})
