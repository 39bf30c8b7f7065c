import { randomUUID } from 'node:crypto'
import t from 'tap'
import { admitted, closeClient, startGateway, type Frame, type TestClient, type TestGateway } from '../helper.ts'
import { startHeldModel, type HeldModel } from './held-model.ts'

const key = 'agent:main:queue'

const ends = (client: TestClient): Frame[] => client.frames.filter(({ event, payload }) =>
  event === 'chat' && ['final', 'aborted', 'error'].includes(payload.state))
const textOf = ({ payload }: Frame): string => payload.message?.content[0].text ?? ''
const endOf = (client: TestClient, runId: string): Promise<Frame> =>
  client.frame(frame => frame.event === 'chat' && frame.payload.runId === runId && ends(client).includes(frame), 10_000)
const saidIn = (client: TestClient, text: string): Promise<Frame> =>
  client.frame(frame => frame.event === 'chat' && frame.payload.state === 'final' && textOf(frame).includes(text), 10_000)

async function send (client: TestClient, message: string, more: object = {}): Promise<Frame> {
  const { payload, error } = await client.request('chat.send', { sessionKey: key, message, idempotencyKey: randomUUID(), ...more })
  return payload ?? { error }
}

/** A message that says "hold" is answered when the test lets it be. */
async function open (t: Parameters<typeof startGateway>[0], { agents, ...config }: { agents?: object, messages?: object } = {}): Promise<TestGateway & { client: TestClient, model: HeldModel }> {
  const model = await startHeldModel(t)
  const gateway = await startGateway(t, { config: { ...model.config, ...config, agents: { defaults: { ...model.config.agents.defaults, ...agents } } } })
  const { client } = await admitted(gateway.url)
  return { ...gateway, client, model }
}

/** The transcript as roles and texts. */
async function story ({ gateway }: TestGateway): Promise<string[]> {
  const lines = await gateway.rooms.sessions.lines.tail(key, { limit: 100 })
  return lines.map(({ value }) => {
    if (value.type !== 'message') return value.type
    const { role, content } = value.message
    const text = typeof content === 'string' ? content : content.map(part => part.type === 'text' ? part.text : part.type).join(' ')
    return `${role}: ${text}`
  })
}

t.test('followup messages are acknowledged, ended empty at once and answered in order under new run ids', async t => {
  const gateway = await open(t)
  const { client, model } = gateway
  const first = await send(client, 'hold')
  const [b, c] = [await send(client, 'second', { queueMode: 'followup' }), await send(client, 'third', { queueMode: 'followup' })]
  t.equal(b.status, 'started')
  for (const { runId } of [b, c]) t.notOk((await endOf(client, runId)).payload.message, 'nothing to say yet')
  t.notOk(ends(client).some(({ payload }) => payload.runId === first.runId), 'the first one still goes on')
  t.same(gateway.gateway.rooms.runs.pending(key).map(({ text, state }) => [text, state]), [['second', 'queued'], ['third', 'queued']])
  await model.release()
  const third = await saidIn(client, 'third')
  t.notOk([first.runId, b.runId, c.runId].includes(third.payload.runId))
  t.same((await story(gateway)).map(line => line.slice(0, 12)), ['user: hold', 'assistant: S', 'user: second', 'assistant: S', 'user: third', 'assistant: S'])
  t.same((await client.request('chat.send', { sessionKey: key, message: 'second', idempotencyKey: b.runId })).payload, { runId: b.runId, status: 'ok' })
  t.match((await client.request('agent.wait', { runId: b.runId })).payload, { status: 'ok', terminalReply: { text: /second/ } })
  t.equal(gateway.gateway.rooms.runs.pending(key).length, 0)
  await closeClient(client)
})

t.test('a steering message that comes too late is answered next', async t => {
  const gateway = await open(t)
  const { client, model } = gateway
  await send(client, 'hold')
  await client.frame(({ event, payload }) => event === 'chat' && payload.state === 'delta')
  await send(client, 'too late for that')
  await model.release()
  await saidIn(client, 'too late for that')
  t.same((await story(gateway)).map(line => line.split(':')[0]), ['user', 'assistant', 'user', 'assistant'])
  await closeClient(client)
})

t.test('collected messages are one message and one reply', async t => {
  const gateway = await open(t, { messages: { queue: { debounceMs: 30 } } })
  const { client, model } = gateway
  await send(client, 'hold')
  for (const text of ['red', 'green', 'blue']) await send(client, text, { queueMode: 'collect' })
  await model.release()
  const reply = await saidIn(client, 'blue')
  t.match(textOf(reply), /red[^]*green[^]*blue/)
  t.same((await story(gateway)).map(line => line.split(':')[0]), ['user', 'assistant', 'user', 'assistant'])
  await closeClient(client)
})

t.test('an interrupting message ends the run before it and is answered under its own id', async t => {
  const gateway = await open(t)
  const { client } = gateway
  const first = await send(client, 'hold')
  await client.frame(({ event, payload }) => event === 'chat' && payload.state === 'delta')
  const second = await send(client, 'never mind', { queueMode: 'interrupt' })
  t.match(second, { status: 'started', interruptedActiveRun: true })
  t.equal((await endOf(client, first.runId)).payload.state, 'aborted')
  t.match(textOf(await endOf(client, second.runId)), /never mind/)
  t.same((await story(gateway)).map(line => line.split(':')[0]), ['user', 'user', 'assistant'], 'the broken reply is not kept')
  await closeClient(client)
})

t.test('sessions.steer interrupts, sessions.send waits, sessions.abort ends what runs', async t => {
  const { client } = await open(t)
  const first = await send(client, 'hold')
  const { payload } = await client.request('sessions.steer', { key, message: 'now this' })
  t.match(payload, { status: 'started', interruptedActiveRun: true })
  t.equal((await endOf(client, first.runId)).payload.state, 'aborted')
  await saidIn(client, 'now this')
  const sent = (await client.request('sessions.send', { key, message: 'hold' })).payload
  t.same((await client.request('sessions.abort', { key })).payload, { ok: true, abortedRunId: sent.runId, status: 'aborted' })
  t.same((await client.request('sessions.abort', { key })).payload, { ok: true, abortedRunId: null, status: 'no-active-run' })
  await closeClient(client)
})

t.test('a full queue says that it is busy, or lets the oldest go and remembers how it began', async t => {
  for (const drop of ['new', 'summarize']) {
    const { client, model } = await open(t, { messages: { queue: { cap: 2, drop, mode: 'followup' } } })
    await send(client, 'hold')
    const waiting = [await send(client, 'first waiting'), await send(client, 'second waiting')]
    const third = await send(client, 'third waiting')
    await model.release()
    if (drop === 'new') {
      t.match(third.error, { code: 'UNAVAILABLE', retryable: true, retryAfterMs: Number, details: { code: 'BUSY', cap: 2 } })
      await saidIn(client, 'second waiting')
    } else {
      t.equal(third.status, 'started')
      t.match(textOf(await saidIn(client, 'third waiting')), /first waiting/)
      t.match((await client.request('agent.wait', { runId: waiting[0]!.runId })).payload, { status: 'error', stopReason: 'dropped' })
    }
    await closeClient(client)
  }
})

t.test('a waiting message can be taken back', async t => {
  const gateway = await open(t)
  const { client, model } = gateway
  const first = await send(client, 'hold')
  const second = await send(client, 'not wanted', { queueMode: 'followup' })
  t.same((await client.request('chat.abort', { sessionKey: key, runId: second.runId })).payload, { ok: true, aborted: true, runIds: [second.runId] })
  await model.release()
  await endOf(client, first.runId)
  t.same((await story(gateway)).map(line => line.split(':')[0]), ['user', 'assistant'])
  const third = await send(client, 'hold')
  const fourth = await send(client, 'nor this', { queueMode: 'followup' })
  t.same((await client.request('chat.abort', { sessionKey: key })).payload.runIds, [fourth.runId, third.runId], 'waiting ones first')
  await closeClient(client)
})

t.test('messages of one session are answered one after the other in the order they were sent', async t => {
  const gateway = await open(t, { messages: { queue: { cap: 100 } } })
  const { client } = gateway
  const all = Array.from({ length: 30 }, (_, index) => client.request('chat.send', {
    sessionKey: key, message: `number ${index}.`, idempotencyKey: `n-${index}`, queueMode: 'followup'
  }))
  await Promise.all(all)
  await saidIn(client, 'number 29.')
  const numbers = (await story(gateway)).filter(line => line.startsWith('user')).map(line => Number(/\d+/.exec(line)))
  t.same(numbers, Array.from({ length: 30 }, (_, index) => index))
  await closeClient(client)
})

t.test('runs beyond the lane wait for their turn', async t => {
  const { client, model } = await open(t, { agents: { maxConcurrent: 1 } })
  await send(client, 'hold')
  await client.frame(({ event, payload }) => event === 'chat' && payload.state === 'delta')
  const other = await send(client, 'me too', { sessionKey: 'agent:main:other' })
  await send(client, 'and then')
  const { payload: { lanes, dynamic } } = await client.request('diagnostics.lanes', {})
  t.match(lanes.find(({ lane }: Frame) => lane === 'main'), { activeCount: 1, maxConcurrent: 1 })
  t.match(dynamic, { laneCount: 2, activeCount: 2, queuedCount: 1, queuedLaneCount: 1 })
  await model.release()
  const end = await endOf(client, other.runId)
  const order = ends(client).map(({ payload }) => payload.sessionKey)
  t.same(order.filter((name, index) => order.indexOf(name) === index), [key, 'agent:main:other'])
  t.equal(end.payload.state, 'final')
  await closeClient(client)
})
