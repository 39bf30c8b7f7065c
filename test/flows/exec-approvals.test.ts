import { randomUUID } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import { admitted, startGateway, testToken, type Frame, type TestClient, type TestGateway } from '../helper.ts'

const key = 'agent:main:main'
const config = { tools: { exec: { mode: 'ask' } } }
const orderOf = (command: string): string => `/tool exec ${JSON.stringify({ command })}`

async function send (client: TestClient, command: string): Promise<string> {
  const idempotencyKey = randomUUID()
  await client.request('chat.send', { sessionKey: key, message: orderOf(command), idempotencyKey })
  return idempotencyKey
}

const finalOf = (client: TestClient, runId: string): Promise<Frame> => client.frame(({ event, payload }) =>
  event === 'chat' && payload.runId === runId && ['final', 'aborted', 'error'].includes(payload.state), 15_000)

const toolResult = async (client: TestClient): Promise<Frame> => {
  const { payload } = await client.request('sessions.get', { key })
  return payload.messages.findLast(({ role }: Frame) => role === 'toolResult')
}

const approver = async ({ url }: TestGateway): Promise<TestClient> => (await admitted(url, { adjust: params => ({ ...params, caps: ['approvals'] }) })).client

const asked = (client: TestClient, command: string): Promise<Frame> =>
  client.frame(({ event, payload }) => event === 'exec.approval.requested' && payload.request.command === command, 15_000)

t.test('a run waits for a person and goes on with what was decided', async t => {
  const gateway = await startGateway(t, { config })
  const client = await approver(gateway)
  const runId = await send(client, 'date > made; cat made')
  const { payload: { id, request } } = await asked(client, 'date > made; cat made')
  t.match(request, { agentId: 'main', sessionKey: key, runId, toolCallId: String, host: 'gateway', security: 'allowlist', ask: 'on-miss', allowedDecisions: ['allow-once', 'deny'] })
  await t.rejects(readFile(join(request.cwd, 'made')), 'nothing has happened yet')
  await client.request('exec.approval.resolve', { id, decision: 'allow-once' })
  t.match((await finalOf(client, runId)).payload, { state: 'final' })
  t.match(await toolResult(client), { isError: false, details: { status: 'completed', exitCode: 0 } })
  t.ok(await readFile(join(request.cwd, 'made')))
})

t.test('a no reaches the agent with the id of the request', async t => {
  const gateway = await startGateway(t, { config })
  const client = await approver(gateway)
  const runId = await send(client, 'touch made')
  const { payload: { id, request } } = await asked(client, 'touch made')
  await client.request('exec.approval.resolve', { id, decision: 'deny' })
  await finalOf(client, runId)
  t.match(await toolResult(client), { isError: true, content: [{ text: new RegExp(`${id}.*user-denied`) }] })
  await t.rejects(readFile(join(request.cwd, 'made')))
})

t.test('a yes for ever is for exactly this command, and written down with whose it was', async t => {
  const store = createMemoryStore()
  const gateway = await startGateway(t, { config, store })
  const client = await approver(gateway)
  const first = await send(client, 'date -u')
  const { payload: { id } } = await asked(client, 'date -u')
  await client.request('approval.resolve', { id, kind: 'exec', decision: 'allow-always' })
  await finalOf(client, first)
  const { payload } = await client.request('exec.approvals.get', {})
  t.match(payload.file.agents.main.allowlist, [{ source: 'allow-always', pattern: /date$/, argPattern: /^sha256:argv:/, commandText: 'date -u' }])
  t.match(await store.audit({ limit: 5, kind: 'exec.approval.grant' }), [{ value: { approvalId: id, by: 'cli', agentId: 'main' } }])
  const again = await send(client, 'date -u')
  await finalOf(client, again)
  t.match(await toolResult(client), { isError: false, details: { status: 'completed' } })
  t.equal(client.frames.filter(({ event }) => event === 'exec.approval.requested').length, 1, 'nobody is asked twice')
  const other = await send(client, 'date -R')
  await asked(client, 'date -R')
  await client.request('chat.abort', { sessionKey: key, runId: other })
  await finalOf(client, other)
})

t.test('a run that is aborted takes its question back', async t => {
  const gateway = await startGateway(t, { config })
  const client = await approver(gateway)
  const runId = await send(client, 'touch made')
  const { payload: { id } } = await asked(client, 'touch made')
  await client.request('chat.abort', { sessionKey: key, runId })
  await client.frame(({ event, payload }) => event === 'exec.approval.resolved' && payload.id === id)
  t.match(await client.request('approval.get', { id }), { payload: { approval: { status: 'cancelled', reason: 'run-aborted' } } })
  t.match(await client.request('exec.approval.resolve', { id, decision: 'allow-once' }), { ok: false })
})

t.test('without anybody to ask nothing is run', async t => {
  const gateway = await startGateway(t, { config })
  const { client } = await admitted(gateway.url)
  const runId = await send(client, 'touch made')
  await finalOf(client, runId)
  t.match(await toolResult(client), { isError: true, content: [{ text: /headless runs cannot wait/ }] })
})

t.test('a program is refused where nobody can be asked, and waits where somebody can', async t => {
  const gateway = await startGateway(t, { config: { ...config, gateway: { tools: { allow: ['exec'] } } } })
  const invoke = (): Promise<Response> => fetch(`${gateway.http}/tools/invoke`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ tool: 'exec', args: { command: 'touch made' } })
  })
  const refused = await invoke()
  t.equal(refused.status, 403)
  t.match(await refused.json(), { ok: false, error: { type: 'tool_call_blocked', message: /no client that can approve/, requiresApproval: true } })
  const client = await approver(gateway)
  const waiting = invoke()
  const { payload: { id } } = await asked(client, 'touch made')
  await client.request('exec.approval.resolve', { id, decision: 'allow-once' })
  t.match(await (await waiting).json(), { ok: true, result: { details: { exitCode: 0 } } })
})

t.test('the document of this machine holds whatever the configuration says', async t => {
  const gateway = await startGateway(t)
  const { client } = await admitted(gateway.url)
  await client.request('exec.approvals.set', { file: { version: 1, defaults: { security: 'deny' } } })
  await finalOf(client, await send(client, 'echo hello'))
  t.match(await toolResult(client), { isError: true, content: [{ text: /switched off/ }] })
})

t.test('a question outlives the gateway: the run goes on waiting, and does what was asked when somebody says so', async t => {
  const store = createMemoryStore()
  const lasting = { ...store, close: async () => {} }
  const brief = { ...config, gateway: { shutdown: { drainMs: 200 } } }
  const first = await startGateway(t, { config: brief, store: lasting })
  const client = await approver(first)
  const runId = await send(client, 'touch made')
  const { payload: { id, request } } = await asked(client, 'touch made')
  await first.gateway.stop()
  const second = await startGateway(t, { config: brief, store: lasting, stateDir: first.stateDir })
  const later = await approver(second)
  t.match((await later.request('exec.approval.list')).payload, [{ id, request: { command: 'touch made' } }])
  t.match(await later.request('exec.approval.resolve', { id, decision: 'allow-once' }), { payload: { ok: true } })
  t.match((await finalOf(later, runId)).payload, { state: 'final' })
  t.match(await toolResult(later), { isError: false, details: { status: 'completed' } })
  t.ok((await stat(join(request.cwd, 'made'))).isFile())
  t.notOk(later.frames.some(({ event }) => event === 'exec.approval.requested'), 'nobody is asked twice')
})

t.test('programs reach commands only when the configuration names them', async t => {
  const closed = await startGateway(t)
  const call = async ({ http }: TestGateway, tool: string) => await fetch(`${http}/tools/invoke`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer test-token-0123456789abcdef0123456789abcdef' },
    body: JSON.stringify({ tool, args: tool === 'process' ? { action: 'list' } : { command: 'echo hello' } })
  })
  for (const tool of ['exec', 'EXEC', 'bash', 'shell', 'process']) t.equal((await call(closed, tool)).status, 404, tool)
  const open = await startGateway(t, { config: { gateway: { tools: { allow: ['exec'] } } } })
  t.match(await (await call(open, 'exec')).json(), { ok: true, result: { details: { status: 'completed', aggregated: 'hello\n' } } })
})
