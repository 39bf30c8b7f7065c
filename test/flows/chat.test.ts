import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import { contractProblem } from '../contract.ts'
import { eventually } from '../fixtures/eventually.ts'
import { admitted, closeClient, startGateway, type Frame, type TestClient } from '../helper.ts'
import { startHeldModel } from './held-model.ts'

const key = 'agent:main:talk'

const ofRun = (client: TestClient, runId: string): Frame[] =>
  client.frames.filter(({ type, event, payload }) => type === 'event' && (event === 'chat' || event === 'agent') && payload.runId === runId)
const terminal = ({ event, payload }: Frame): boolean => event === 'chat' && ['final', 'aborted', 'error'].includes(payload.state)
const ended = (client: TestClient, runId: string): Promise<Frame> =>
  client.frame(frame => frame.type === 'event' && frame.payload?.runId === runId && terminal(frame), 10_000)

/** Lets a turn of events pass that would show what must not come. */
const settle = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 60))

t.test('a message is acknowledged, streamed and ended once, in the words of the contract', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  await client.request('sessions.subscribe', {})
  const idempotencyKey = randomUUID()
  const { payload } = await client.request('chat.send', { sessionKey: key, message: 'one two three', idempotencyKey })
  t.same(payload, { runId: idempotencyKey, status: 'started' })
  const final = await ended(client, idempotencyKey)
  t.match(final.payload, { state: 'final', sessionKey: key, agentId: 'main', stopReason: 'stop', message: { role: 'assistant', content: [{ type: 'text', text: /one two three/ }] } })
  await settle()
  const events = ofRun(client, idempotencyKey)
  t.equal(events.filter(terminal).length, 1)
  for (const { event, payload } of events) if (event === 'chat') t.equal(contractProblem('ChatEvent', payload), undefined)
  const said = events.map(({ event, payload }) => event === 'chat' ? `chat ${payload.state} ${payload.phase ?? ''}`.trim() : `${payload.stream} ${payload.data.phase ?? ''}`.trim())
  t.same(said.filter((line, index) => line !== 'assistant' && !line.startsWith('chat delta') && said.indexOf(line) === index), [
    'chat status preparing_workspace', 'run_status preparing_workspace', 'chat status preparing_context', 'run_status preparing_context',
    'lifecycle start', 'chat status starting_model', 'run_status starting_model', 'lifecycle model', 'usage', 'lifecycle finishing',
    'lifecycle end', 'chat final'
  ])
  const seqs = events.map(({ payload }) => payload.seq)
  t.same(seqs, [...seqs].sort((a, b) => a - b), 'numbers grow')
  t.equal(events.at(-1)!.payload.seq, events.at(-2)!.payload.seq, 'the end has the number of the last event')
  const deltas = events.filter(({ payload }) => payload.state === 'delta')
  t.equal(deltas.map(({ payload }) => payload.deltaText).join(''), final.payload.message.content[0].text)
  await closeClient(client)
})

t.test('the same key is in flight while it runs and done afterwards, for the same caller only', async t => {
  const model = await startHeldModel(t)
  const { url } = await startGateway(t, { config: { ...model.config } })
  const { client } = await admitted(url)
  const { client: other } = await admitted(url)
  const params = { sessionKey: key, message: 'hold', idempotencyKey: 'key-1' }
  t.equal((await client.request('chat.send', params)).payload.status, 'started')
  t.same((await client.request('chat.send', params)).payload, { runId: 'key-1', status: 'in_flight' })
  model.holdNobody()
  await ended(client, 'key-1')
  t.same((await client.request('chat.send', params)).payload, { runId: 'key-1', status: 'ok' })
  const conflict = await client.request('chat.send', { ...params, sessionKey: 'agent:main:elsewhere' })
  t.equal(conflict.error.details.code, 'IDEMPOTENCY_CONFLICT')
  const theirs = await other.request('chat.send', { ...params, sessionKey: 'agent:main:theirs' })
  t.equal(theirs.payload.status, 'started')
  t.not(theirs.payload.runId, 'key-1', 'somebody else with the same key gets a run of their own')
  await ended(other, theirs.payload.runId)
  await Promise.all([client, other].map(closeClient))
})

t.test('two hundred callers at once with one key get one run', async t => {
  const { url, gateway } = await startGateway(t)
  const { client } = await admitted(url)
  const params = { sessionKey: key, message: 'only once', idempotencyKey: 'storm' }
  const answers = await Promise.all(Array.from({ length: 200 }, () => client.request('chat.send', params)))
  t.equal(answers.filter(({ payload }) => payload?.status === 'started').length, 1)
  t.same([...new Set(answers.map(({ payload }) => payload?.runId))], ['storm'])
  await ended(client, 'storm')
  await settle()
  t.equal(ofRun(client, 'storm').filter(terminal).length, 1)
  const lines = await gateway.rooms.sessions.lines.tail(key, { limit: 100 })
  t.equal(lines.length, 2, 'one message, one reply')
  await closeClient(client)
})

t.test('agent answers twice under one id, and agent.wait sees the same end', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  const params = { message: 'hello there', sessionKey: key, idempotencyKey: 'agent-1' }
  client.send({ type: 'req', id: 'two', method: 'agent', params })
  const first = await client.frame(({ type, id }) => type === 'res' && id === 'two')
  t.match(first.payload, { runId: 'agent-1', sessionKey: key, agentId: 'main', status: 'accepted', acceptedAt: Number })
  const second = await client.frame(({ type, id, payload }) => type === 'res' && id === 'two' && payload.status === 'ok')
  t.match(second.payload, { summary: 'completed', result: { payloads: [{ text: /hello there/, mediaUrl: null }], meta: { agentMeta: { provider: 'echo' } } } })
  const waited = await client.request('agent.wait', { runId: 'agent-1', timeoutMs: 5000 })
  t.match(waited.payload, { runId: 'agent-1', status: 'ok', stopReason: 'stop', terminalReply: { disposition: 'visible', text: /hello there/ } })
  t.match((await client.request('agent.wait', { runId: 'nobody', timeoutMs: 20 })).payload, { runId: 'nobody', status: 'timeout' })
  const repeat = await client.request('agent', params)
  t.match(repeat.payload, { runId: 'agent-1', status: 'ok' }, 'a repeat has the final answer alone')
  t.notOk(ofRun(client, 'agent-1').some(({ payload }) => payload.state === 'status'), 'phases belong to chat.send')
  const unknown = await client.request('agent', { message: 'x', agentId: 'no-such-agent', idempotencyKey: 'agent-2' })
  t.match(unknown.error, { code: 'INVALID_REQUEST', message: /unknown agent id "no-such-agent"/ })
  const alone = await client.request('agent', { message: 'x', idempotencyKey: 'agent-3' })
  t.equal(alone.payload.sessionKey, 'agent:main:explicit:agent-3')
  await closeClient(client)
})

t.test('an aborted run keeps what it had said and says so once', async t => {
  const { url, gateway } = await startGateway(t)
  const { client } = await admitted(url)
  await client.request('chat.send', { sessionKey: key, message: `/slow 30\n${'word '.repeat(200)}`, idempotencyKey: 'long' })
  await client.frame(({ event, payload }) => event === 'chat' && payload.state === 'delta')
  const { payload } = await client.request('chat.abort', { sessionKey: key, runId: 'long' })
  t.same(payload, { ok: true, aborted: true, runIds: ['long'] })
  const end = await ended(client, 'long')
  t.match(end.payload, { state: 'aborted', stopReason: 'rpc', message: { role: 'assistant' } })
  t.same((await client.request('chat.abort', { sessionKey: key })).payload, { ok: true, aborted: false, runIds: [] })
  t.match((await client.request('agent.wait', { runId: 'long' })).payload, { status: 'error', stopReason: 'rpc' })
  t.match((await client.request('chat.send', { sessionKey: key, message: 'x', idempotencyKey: 'long' })).payload,
    { runId: 'long', status: 'timeout', summary: 'aborted', stopReason: 'rpc', endedAt: Number })
  await settle()
  t.equal(ofRun(client, 'long').filter(terminal).length, 1)
  const lines = await gateway.rooms.sessions.lines.tail(key, { limit: 10 })
  t.match(lines.at(-1)!.value, { message: { stopReason: 'aborted', openclawAbort: { aborted: true, origin: 'rpc', runId: 'long' } } })
  t.equal(gateway.rooms.sessions.get(key)!.status, 'killed')
  await closeClient(client)
})

t.test('a failing model ends the run with one error that says what happened', async t => {
  const { url, gateway } = await startGateway(t)
  const { client } = await admitted(url)
  await client.request('chat.send', { sessionKey: key, message: '/fail format 1\nnever', idempotencyKey: 'bad' })
  const end = await ended(client, 'bad')
  t.match(end.payload, { state: 'error', errorMessage: String, errorDetail: { provider: 'echo', failoverReason: 'format' } })
  t.equal(contractProblem('ChatEvent', end.payload), undefined)
  t.match((await client.request('agent.wait', { runId: 'bad' })).payload, { status: 'error', error: String })
  t.equal(gateway.rooms.sessions.get(key)!.status, 'failed')
  await settle()
  t.equal(ofRun(client, 'bad').filter(terminal).length, 1)
  await closeClient(client)
})

t.test('a disconnect does not end a run', async t => {
  const model = await startHeldModel(t)
  const { url } = await startGateway(t, { config: { ...model.config } })
  const { client } = await admitted(url)
  const { client: reader } = await admitted(url)
  await client.request('chat.send', { sessionKey: key, message: 'hold', idempotencyKey: 'gone' })
  await closeClient(client)
  await model.release()
  t.equal((await ended(reader, 'gone')).payload.state, 'final')
  await closeClient(reader)
})

t.test('a tool call is told to those who can show it, and its result goes back to the model', async t => {
  const { url, gateway } = await startGateway(t)
  const { client } = await admitted(url, { adjust: params => ({ ...params, caps: ['tool-events'] }) })
  const { client: plain } = await admitted(url)
  await client.request('chat.send', { sessionKey: key, message: '/tool session_status {}\n/tool sessions_list {}', idempotencyKey: 'tools' })
  const end = await ended(client, 'tools')
  t.equal(end.payload.state, 'final')
  const tools = (reader: TestClient): Frame[] => ofRun(reader, 'tools').filter(({ payload }) => payload.stream === 'tool')
  t.same(tools(client).map(({ payload: { data } }) => `${data.name} ${data.phase}`).sort(),
    ['session_status result', 'session_status start', 'sessions_list result', 'sessions_list start'])
  await ended(plain, 'tools')
  t.equal(tools(plain).length, 0)
  const roles = (await gateway.rooms.sessions.lines.tail(key, { limit: 10 })).map(({ value }) => value.type === 'message' ? value.message.role : value.type)
  t.same(roles, ['user', 'assistant', 'toolResult', 'toolResult', 'assistant'])
  const results = (await gateway.rooms.sessions.lines.tail(key, { limit: 10 })).map(({ value }) => value.type === 'message' && value.message.role === 'toolResult' ? value.message.toolName : '')
  t.same(results.filter(Boolean), ['session_status', 'sessions_list'], 'in the order of the calls')
  await Promise.all([client, plain].map(closeClient))
})

t.test('clients that scope their events hear the sessions they follow', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  const { client: scoped } = await admitted(url, { adjust: params => ({ ...params, caps: ['session-scoped-events'] }) })
  await client.request('chat.send', { sessionKey: key, message: 'not for everybody', idempotencyKey: 'scoped' })
  await ended(client, 'scoped')
  await settle()
  t.equal(ofRun(scoped, 'scoped').length, 0)
  await Promise.all([client, scoped].map(closeClient))
})

t.test('commands stop and begin anew, the latter with the right of sessions.reset', async t => {
  const { url, gateway } = await startGateway(t)
  const { client } = await admitted(url)
  const { client: writer } = await admitted(url, { scopes: ['operator.read', 'operator.write'] })
  await client.request('chat.send', { sessionKey: key, message: `/slow 30\n${'word '.repeat(200)}`, idempotencyKey: 'stopped' })
  t.match((await client.request('chat.send', { sessionKey: key, message: '/stop', idempotencyKey: 'stop' })).payload,
    { ok: true, aborted: true, runIds: ['stopped'] })
  t.match((await ended(client, 'stopped')).payload, { state: 'aborted', stopReason: 'stop' })
  for (const [method, extra] of [['chat.send', { sessionKey: key }], ['agent', { sessionKey: key }]] as const) {
    const refused = await writer.request(method, { ...extra, message: '/new', idempotencyKey: randomUUID() })
    t.equal(refused.error?.details?.code, 'MISSING_SCOPE', method)
  }
  const before = gateway.rooms.sessions.get(key)!
  await client.request('chat.send', { sessionKey: key, message: '/new and hello', idempotencyKey: 'new' })
  await ended(client, 'new')
  const context = await gateway.rooms.sessions.context(key)
  t.equal(context.length, 2, 'nothing of what was before')
  t.equal(gateway.rooms.sessions.get(key)!.sessionId, before.sessionId)
  await Promise.all([client, writer].map(closeClient))
})

t.test('an order to begin anew is carried out once for its key', async t => {
  const model = await startHeldModel(t)
  const { url, gateway } = await startGateway(t, { config: { ...model.config } })
  const { client } = await admitted(url)
  const { sessions } = gateway.rooms
  const said = async (): Promise<number> => (await sessions.context(key)).length
  await client.request('chat.send', { sessionKey: key, message: 'before', idempotencyKey: 'before' })
  await ended(client, 'before')
  const bare = { sessionKey: key, message: '/reset', idempotencyKey: 'bare' }
  t.same((await client.request('chat.send', bare)).payload, { runId: 'bare', status: 'ok', reset: true })
  t.equal(await said(), 0)
  const withMessage = { sessionKey: key, message: '/new hold', idempotencyKey: 'new' }
  t.equal((await client.request('chat.send', withMessage)).payload.status, 'started')
  t.same((await client.request('chat.send', withMessage)).payload, { runId: 'new', status: 'in_flight' }, 'a retry does not stop it')
  await model.release()
  t.equal((await ended(client, 'new')).payload.state, 'final')
  for (const params of [bare, withMessage]) t.match((await client.request('chat.send', params)).payload, { runId: params.idempotencyKey, status: 'ok' })
  t.equal(await said(), 2, 'late retries wipe nothing out')
  const order = { sessionKey: key, message: '/new', idempotencyKey: 'of agent' }
  for (const expected of [0, 0]) {
    t.match((await client.request('agent', order)).payload, { runId: 'of agent', status: 'ok', result: { payloads: [] } })
    t.equal(await said(), expected)
  }
  await closeClient(client)
})

t.test('health and status say how many conversations there are, of all agents and of each', async t => {
  const { url } = await startGateway(t, { config: { agents: { entries: { main: { default: true }, work: {} } } } })
  const { client } = await admitted(url)
  t.match((await client.request('health', {})).payload, { sessions: { count: 0 } })
  for (const sessionKey of [key, 'agent:main:more', 'agent:work:main']) {
    await client.request('chat.send', { sessionKey, message: 'hello', idempotencyKey: sessionKey })
    await ended(client, sessionKey)
  }
  const { payload: { sessions } } = await client.request('status', {})
  t.match(sessions, {
    count: 3,
    recent: [{ key: 'agent:work:main', agentId: 'work', model: 'echo', age: Number }, {}, {}],
    byAgent: [{ agentId: 'main', count: 2, recent: [{ key: 'agent:main:more' }, { key }] }, { agentId: 'work', count: 1 }]
  })
  t.match((await client.request('health', { probe: true })).payload, {
    sessions: { count: 3, path: '(memory)' }, agents: [{ sessions: { count: 2 } }, { sessions: { count: 1 } }]
  })
  await closeClient(client)
})

t.test('messages that are too old after a restart are listed as interrupted, and can be taken away', async t => {
  const memory = createMemoryStore()
  const store = { ...memory, close: async () => {} }
  const config = { gateway: { shutdown: { drainMs: 0 } } }
  const before = await startGateway(t, { config, store, now: () => Date.now() - 31 * 60_000 })
  const { client } = await admitted(before.url)
  await client.request('chat.send', { sessionKey: key, message: `/slow 50\n${'word '.repeat(400)}`, idempotencyKey: 'begun' })
  await client.request('chat.send', { sessionKey: key, message: 'waiting', idempotencyKey: 'waiting', queueMode: 'followup' })
  await before.gateway.stop()
  const { url, gateway } = await startGateway(t, { store, stateDir: before.stateDir })
  const { client: later } = await admitted(url)
  const pending = async (): Promise<string[]> => {
    const { payload: { pendingInputs } } = await later.request('chat.history', { sessionKey: key })
    return pendingInputs.items.map(({ runId, state }: Frame) => `${state} ${runId}`)
  }
  await eventually(() => gateway.rooms.runs.stats().parked, parked => parked === 2)
  t.same(await pending(), ['interrupted begun', 'interrupted waiting'])
  t.match((await later.request('sessions.abort', { key, runId: 'waiting' })).payload, { status: 'aborted', abortedRunId: 'waiting' })
  t.same(await pending(), ['interrupted begun'])
  await closeClient(later)
})
