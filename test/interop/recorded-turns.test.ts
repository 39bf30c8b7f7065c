/**
 * Turns and the life of a session, as they were recorded of the existing gateway (2026.9.6), asked of us again. Where we differ on
 * purpose, the list `ours` of the case says how and why.
 */
import t from 'tap'
import { admitted, closeClient, startGateway, type Frame, type TestClient } from '../helper.ts'
import { labelOf, recordedFields, recordedOrder, recordedRowFields } from './recorded-turns.ts'

const key = 'agent:main:transcript-chat'

const terminal = ({ event, payload }: Frame): boolean => event === 'chat' && ['final', 'error', 'aborted'].includes(payload.state)
const isOf = (runId: string) => ({ type, event, payload }: Frame): boolean => type === 'event' && (event === 'chat' || event === 'agent') && payload.runId === runId
const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** Repeats once: how often text is told is a matter of pace. */
function once (labels: readonly string[]): string[] {
  const kept: string[] = []
  for (const label of labels) {
    const isText = label === 'agent assistant' || label === 'chat delta'
    if (isText ? !kept.slice(-2).includes(label) : kept.at(-1) !== label) kept.push(label)
  }
  return kept
}

/** All that is told of a run, when the last of it was told. */
async function endOf (client: TestClient, runId: string, last = 'chat final'): Promise<string[]> {
  await client.frame(frame => isOf(runId)(frame) && labelOf(frame) === last, 20_000)
  await pause(80) // what must not come afterwards would have come
  return once(client.frames.filter(isOf(runId)).map(labelOf))
}

async function subscribed (url: string, caps: string[] = []): Promise<TestClient> {
  const { client } = await admitted(url, { adjust: params => ({ ...params, caps }) })
  t.match((await client.request('sessions.subscribe', {})).payload, { subscribed: true })
  t.match((await client.request('sessions.messages.subscribe', { key })).payload, { subscribed: true, key })
  return client
}

const has = (value: Frame, path: string): boolean =>
  path.split('.').reduce<any>((inner, name) => inner === null || typeof inner !== 'object' ? undefined : inner[name], value) !== undefined

/** Fields that were recorded and that an event of ours does not have. */
const missing = (frame: Frame): string[] =>
  (recordedFields[labelOf(frame)] ?? '').split(' ').filter(path => path !== '' && !has(frame.payload, path)).map(path => `${labelOf(frame)}: ${path}`)

t.test('a message is told in the recorded order, with the recorded fields', async t => {
  const { url } = await startGateway(t)
  const client = await subscribed(url)
  const params = { sessionKey: key, message: '/words 4\n/slow 20', idempotencyKey: 'one' }
  t.same((await client.request('chat.send', params)).payload, { runId: 'one', status: 'started' })
  // Ours tells the last words before it says that the run is finishing; theirs, after.
  t.same(await endOf(client, 'one'), recordedOrder['chat.send'].filter((label, index, all) => label !== 'chat delta' || index === all.indexOf(label)))
  t.same((await client.request('chat.send', params)).payload, { runId: 'one', status: 'ok' }, 'the same key afterwards')
  const events = client.frames.filter(({ type, event }) => type === 'event' && ['chat', 'agent', 'session.message', 'sessions.changed'].includes(event))
  t.same([...new Set(events.flatMap(missing))], [])
  await closeClient(client)
})

t.test('what a subscriber hears of the session begins with the message and ends with its settling, as recorded', async t => {
  const { url } = await startGateway(t)
  const client = await subscribed(url)
  await client.request('chat.send', { sessionKey: key, message: '/words 4', idempotencyKey: 'one' })
  await endOf(client, 'one')
  await client.frame(({ event, payload }) => event === 'sessions.changed' && payload.phase === 'end', 20_000)
  const heard = client.frames.filter(({ event }) => event === 'session.message' || event === 'sessions.changed')
  // One change carries both the reason and the phase, where theirs sends one for each; nobody takes part but the owner, and a row
  // that is read by a model is not a change of it.
  const theirsAlone = ['sessions.changed participants', 'sessions.changed start', 'sessions.changed model', 'sessions.changed end']
  t.same(heard.map(labelOf), recordedOrder.session.filter(label => !theirsAlone.includes(label)))
  t.match(heard.filter(({ event }) => event === 'sessions.changed').map(({ payload }) => payload.phase), ['start', 'end'])
  // Not in our rows: what belongs to plugins, to several people, and to a choice of speed.
  const absent = ['activitySummary', 'agentRuntime', 'effectiveFastMode', 'effectiveFastModeSource', 'fastAutoOnSeconds', 'permissionModePending',
    'runtimeSelectionLocked', 'snapshotAt', 'thinkingLevels', 'thinkingOptions']
  for (const { payload } of heard) {
    const without = recordedRowFields.split(' ').filter(field => payload.session[field] === undefined && !absent.includes(field))
    t.same(without, [])
  }
  await closeClient(client)
})

t.test('an agent request is accepted, told and answered on the same id, as recorded', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  client.send({ type: 'req', id: 'agent-1', method: 'agent', params: { sessionKey: key, message: '/words 4\n/slow 20', idempotencyKey: 'two' } })
  const told = await endOf(client, 'two')
  t.same(told, recordedOrder.agent.filter((label, index, all) => label !== 'chat delta' || index === all.indexOf(label)))
  await client.frame(({ type, id, payload }) => type === 'res' && id === 'agent-1' && payload.status === 'ok', 20_000)
  const [accepted, final] = client.frames.filter(({ type, id }) => type === 'res' && id === 'agent-1')
  t.same(Object.keys(accepted!.payload).sort(), ['acceptedAt', 'agentId', 'runId', 'sessionKey', 'status'])
  t.match(final!.payload, { runId: 'two', status: 'ok', summary: 'completed', result: { payloads: [{ text: String, mediaUrl: null }], meta: Object } })
  // Which tools succeeded is in the event alone.
  t.match((await client.request('agent.wait', { runId: 'two', timeoutMs: 1000 })).payload, {
    runId: 'two',
    status: 'ok',
    startedAt: Number,
    endedAt: Number,
    stopReason: 'stop',
    livenessState: 'working',
    terminalReply: { disposition: 'visible', text: String },
    terminalReceipt: { runId: 'two', sessionId: String, turnId: 'two', requested: Object, effective: Object, terminalDisposition: 'visible' }
  })
  t.same((await client.request('agent.wait', { runId: 'unknown-run', timeoutMs: 20 })).payload, { runId: 'unknown-run', status: 'timeout' })
  await closeClient(client)
})

t.test('an aborted run says so and then nothing that would be shown, as recorded', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  await client.request('chat.send', { sessionKey: key, message: '/words 400\n/slow 7', idempotencyKey: 'long' })
  await client.frame(({ event, payload }) => event === 'chat' && payload.state === 'delta')
  await pause(30) // words that were said and not yet told
  t.same((await client.request('chat.abort', { sessionKey: key, runId: 'long' })).payload, { ok: true, aborted: true, runIds: ['long'] })
  // Theirs goes on with the steps of a run that is being taken down; here it is down when its end is told.
  t.same(await endOf(client, 'long', 'agent lifecycle end'), recordedOrder.aborted.slice(0, recordedOrder.aborted.indexOf('agent lifecycle end') + 1))
  t.same((await client.request('chat.abort', { sessionKey: key })).payload, { ok: true, aborted: false, runIds: [] })
  t.match((await client.request('chat.inject', { sessionKey: key, message: 'injected note', label: 'note' })).payload, { ok: true, messageId: String })
  const note = await client.frame(({ event, payload }) => event === 'chat' && payload.message?.model === 'gateway-injected')
  t.match(note.payload, { seq: 0, state: 'final', message: { role: 'assistant', stopReason: 'stop', usage: Object, api: 'openai-responses', provider: 'openclaw', timestamp: Number } })
  await closeClient(client)
})

t.test('a refusing model and a tool call are told in the recorded order', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  await client.request('chat.send', { sessionKey: key, message: '/fail format', idempotencyKey: 'bad' })
  // Ours has one error event, and one step of the life cycle says all that three of theirs say.
  const steps = ['agent lifecycle finishing', 'agent lifecycle fallback_step']
  const failed = recordedOrder.failed.filter((label, index, all) => !steps.includes(label) && (label !== 'agent lifecycle model' || index === all.indexOf(label)))
  t.same(await endOf(client, 'bad', 'chat error'), failed)
  const error = client.frames.find(frame => isOf('bad')(frame) && terminal(frame))!
  t.match(error.payload, { errorMessage: String, errorDetail: { provider: 'echo', model: 'echo', failoverReason: 'format' } })

  await client.request('chat.send', { sessionKey: key, message: '/tool session_status {}', idempotencyKey: 'tool' })
  t.same(await endOf(client, 'tool'), recordedOrder.tool.filter((label, index, all) => label !== 'chat delta' || index === all.indexOf(label)))
  const events = client.frames.filter(({ type, event }) => type === 'event' && (event === 'chat' || event === 'agent'))
  t.same([...new Set(events.flatMap(missing))], [])
  await closeClient(client)
})
