import t from 'tap'
import { runCli } from '../cli/run-cli.ts'
import { contractProblem } from '../contract.ts'
import { makeHome, startDaemon } from '../fixtures/daemon.ts'
import { admitted, closeClient, startGateway } from '../helper.ts'

t.test('what pages ask right after connecting has answers of the contract', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  const answers = {
    'tasks.list': 'TasksListResult', 'environments.list': 'EnvironmentsListResult', 'update.status': 'UpdateStatusResult', 'talk.catalog': 'TalkCatalogResult'
  }
  for (const [name, definition] of Object.entries(answers)) {
    const { payload } = await client.request(name, {})
    t.equal(contractProblem(definition, payload), undefined, name)
  }
  t.match((await client.request('environments.list', {})).payload, { environments: [{ id: 'gateway', status: 'available', platform: process.platform }] })
  t.match((await client.request('update.run', { note: 'now' })).payload, { ok: false, result: { status: 'skipped' }, handoff: { command: /openclaw gateway restart$/ } })
  await closeClient(client)
})

t.test('helpers are tasks: by state, by conversation, page by page, and of nobody else', async t => {
  const { url, gateway } = await startGateway(t)
  const { sessions } = gateway.rooms
  await sessions.ready
  const states = [undefined, 'ok', 'error', 'cancelled', 'timeout'] as const
  for (const [at, outcome] of states.entries()) {
    const key = `agent:main:subagent:task-${at}`
    const now = Date.now() + at
    const spawn = { runId: `run-${at}`, task: `count to ${at}`, startedAtMs: now, ...(outcome ? { outcome, endedAtMs: now + 1 } : {}) }
    await sessions.write(key, { create: { spawnedBy: 'agent:main:main', spawnDepth: 1 }, patch: { spawn } })
  }
  const { client } = await admitted(url, { scopes: ['operator.read'] })
  const list = async (params: object) => {
    const { payload } = await client.request('tasks.list', params)
    t.equal(contractProblem('TasksListResult', payload), undefined)
    return payload as { tasks: Array<{ id: string, status: string }>, nextCursor?: string }
  }
  t.same((await list({})).tasks.map(({ id, status }) => [id, status]), [
    ['run-4', 'timed_out'], ['run-3', 'cancelled'], ['run-2', 'failed'], ['run-1', 'completed'], ['run-0', 'running']
  ])
  t.same((await list({ status: ['running', 'failed'] })).tasks.map(({ id }) => id), ['run-2', 'run-0'])
  t.same((await list({ sessionKey: 'agent:main:other' })).tasks, [])
  const first = await list({ limit: 3 })
  t.same((await list({ limit: 3, cursor: first.nextCursor })).tasks.map(({ id }) => id), ['run-1', 'run-0'])
  t.match((await client.request('tasks.list', { cursor: 'x' })).error, { code: 'INVALID_REQUEST' })
  await closeClient(client)
})

t.test('what went wrong lately is kept, bounded and countable', async t => {
  const { url, gateway } = await startGateway(t)
  for (let at = 0; at < 700; at++) gateway.rooms.incidents.note(at % 7 === 0 ? 'diagnostic.memory.pressure' : 'diagnostic.liveness.warning', { delayMs: at })
  const { client } = await admitted(url, { scopes: ['operator.read'] })
  const { payload } = await client.request('diagnostics.stability', { type: 'diagnostic.memory.pressure', limit: 2 })
  t.match(payload, { capacity: 500, summary: { byType: { 'diagnostic.memory.pressure': 71 } } })
  t.ok(payload.dropped >= 200)
  t.equal(payload.events.length, 2)
  t.same((await client.request('diagnostics.stability', { sinceSeq: payload.lastSeq, type: 'diagnostic.memory.pressure' })).payload.events, [])
  await closeClient(client)
})

t.test('the words of the command line work as methods, and are not announced', async t => {
  const { url } = await startGateway(t)
  const { client, hello } = await admitted(url)
  t.match((await client.request('logs', { limit: 1 })).payload, { lines: Array })
  t.match((await client.request('sessions', {})).payload, { sessions: [] })
  t.match((await client.request('pairing', {})).payload, { paired: Array, pending: [] })
  t.match((await client.request('reload', {})).payload, { applied: [], pending: [] })
  t.match((await client.request('status', {})).payload, { phase: 'ready' })
  t.match((await client.request('send', {})).error, { code: 'INVALID_REQUEST', message: /send/ })
  t.same(hello.features.methods.filter((name: string) => ['logs', 'sessions', 'pairing', 'reload'].includes(name)), [])
  await closeClient(client)
})

t.test('and so they do on the command line', async t => {
  const home = await makeHome(t, { gateway: { mode: 'local', auth: { token: 'words-token-0123456789abcdef0123456789abcdef' } } })
  const daemon = await startDaemon(t, home)
  const cli = (...argv: string[]) => runCli(argv, { env: home.env })
  t.match(await cli('status'), { code: 0, out: /reachable/ })
  t.match(await cli('logs', '--limit', '5'), { code: 0 })
  t.match(await cli('pairing'), { code: 0 })
  t.match(await cli('sessions'), { code: 0 })
  t.match(await cli('gateway', 'reload'), { code: 0, out: /Nothing has changed/ })
  t.match(await cli('reload'), { code: 0, out: /Nothing has changed/ })
  t.match(await cli('send', '--channel', 'telegram', '--target', '1', '--message', 'Hi'), { code: 1, err: /telegram/ })
  t.equal(await daemon.stop(), 0)
})
