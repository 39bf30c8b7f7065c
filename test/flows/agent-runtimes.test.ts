import t from 'tap'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { eventually } from '../fixtures/eventually.ts'
import { admitted, closeClient, startGateway, type Frame, type TestClient } from '../helper.ts'

const key = 'agent:main:away'
const config = { agents: { entries: { main: { runtime: 'external' } } }, messages: { queue: { mode: 'followup', cap: 3 } } }

const requests = (runtime: TestClient): Frame[] => runtime.frames.filter(({ event }) => event === 'agent.run.request').map(({ payload }) => payload)
const requested = async (runtime: TestClient, count: number): Promise<Frame> => {
  await runtime.frame(() => requests(runtime).length >= count)
  return requests(runtime)[count - 1]!
}
const finalOf = (client: TestClient, text: string): Promise<Frame> => client.frame(({ event, payload }) =>
  event === 'chat' && payload.state === 'final' && payload.message?.content[0].text === text)
const send = (client: TestClient, message: string): Promise<Frame> =>
  client.request('chat.send', { sessionKey: key, message, idempotencyKey: message })

t.test('messages for an agent that is away wait, are listed, bounded, and delivered in order when it comes', async t => {
  const { url, gateway } = await startGateway(t, { config })
  const { client } = await admitted(url)
  const { runs, runtimes } = gateway.rooms
  for (const message of ['one', 'two', 'three', 'four']) t.equal((await send(client, message)).payload.status, 'started')
  await eventually(() => runs.pending(key).map(({ text, state }) => `${text} ${state}`).join(), waiting => waiting === 'one queued,two queued,three queued,four queued')
  const { error } = await client.request('agent', { sessionKey: key, message: 'five', idempotencyKey: 'five' })
  t.equal(error.details.code, 'BUSY')
  t.match((await client.request('agents.presence', {})).payload.agents,
    [{ id: 'main', runtime: 'external', state: 'offline', activeRuns: 1, waitingMessages: 4 }])

  const { client: runtime } = await admitted(url)
  t.match((await runtime.request('agents.runtime.register', { agentId: 'main' })).payload, { ok: true, agentId: 'main' })
  for (const [index, text] of ['one', 'two', 'three', 'four'].entries()) {
    const request = await requested(runtime, index + 1)
    t.match(request, { agentId: 'main', sessionKey: key, attempt: 1 })
    t.equal(request.messages.at(-1).content, text)
    t.equal(runtimes.presence('main', runs.active(key).length > 0).state, 'online')
    t.ok((await runtime.request('agents.runtime.update', { runId: request.runId, delta: 'about ' })).ok)
    t.ok((await runtime.request('agents.runtime.update', { runId: request.runId, final: { text: `about ${text}` } })).ok)
    await finalOf(client, `about ${text}`)
  }
  await eventually(() => runtimes.presence('main', runs.active(key).length > 0).state, state => state === 'idle')
  t.equal(runs.pending(key).length, 0)
  await Promise.all([client, runtime].map(closeClient))
})

t.test('a runtime that goes away without a word has crashed, and its run is handed to the next', async t => {
  const { url, gateway } = await startGateway(t, { config })
  const { client } = await admitted(url)
  const { client: first } = await admitted(url)
  await first.request('agents.runtime.register', { agentId: 'main' })
  await send(client, 'hello')
  const { runId } = await requested(first, 1)
  await first.request('agents.runtime.update', { runId, delta: 'half a' })
  await closeClient(first)
  const { client: second } = await admitted(url)
  await eventually(() => gateway.rooms.runtimes.presence('main', true).state, state => state === 'crashed')
  await second.request('agents.runtime.register', { agentId: 'main' })
  const again = await requested(second, 1)
  t.match(again, { runId, attempt: 2 })
  await second.request('agents.runtime.update', { runId, final: { text: 'whole' } })
  await finalOf(client, 'whole')
  const lines = await gateway.rooms.sessions.lines.tail(key, { limit: 10 })
  t.equal(lines.length, 2)
  await Promise.all([client, second].map(closeClient))
})

t.test('a runtime is told of aborts, and answers for its own runs only', async t => {
  const { url } = await startGateway(t, { config })
  const { client } = await admitted(url)
  const { client: runtime } = await admitted(url)
  await runtime.request('agents.runtime.register', { agentId: 'main' })
  await send(client, 'stop me')
  const { runId } = await requested(runtime, 1)
  t.equal((await client.request('agents.runtime.update', { runId, final: { text: 'mine' } })).error.details.code, 'NOT_FOUND')
  t.same((await client.request('chat.abort', { sessionKey: key, runId })).payload.runIds, [runId])
  t.match((await runtime.event('agent.run.cancel')).payload, { runId, reason: 'rpc' })
  await send(client, 'fail me')
  await runtime.request('agents.runtime.update', { runId: (await requested(runtime, 2)).runId, error: { message: 'out of paper' } })
  t.match((await client.request('agent.wait', { runId: 'fail me' })).payload, { status: 'error', error: 'out of paper' })
  const { client: writer } = await admitted(url, { scopes: ['operator.write'] })
  t.equal((await writer.request('agents.runtime.register', { agentId: 'main' })).error.details.code, 'MISSING_SCOPE')
  await Promise.all([client, runtime, writer].map(closeClient))
})

t.test('an agent that this gateway runs itself takes no runtime', async t => {
  const { url, gateway } = await startGateway(t)
  const { client } = await admitted(url)
  const { error } = await client.request('agents.runtime.register', { agentId: 'main' })
  t.match(error, { message: /runtime to "external"/, details: { code: 'INVALID_PARAMS' } })
  t.equal(gateway.rooms.runtimes.presence('main', false).state, 'idle')
  await closeClient(client)
})

t.test('a node may be a runtime when the configuration of the agent names it', async t => {
  const [named, stranger] = [createDeviceIdentity(), createDeviceIdentity()]
  const { url } = await startGateway(t, { config: { agents: { entries: { main: { runtime: 'external', runtimeNodes: [named.deviceId] } } } } })
  const { client } = await admitted(url)
  const node = { role: 'node', scopes: [], client: { id: 'node-host', mode: 'node' } }
  const { client: other } = await admitted(url, { ...node, device: stranger })
  t.match((await other.request('node.agent.register', { agentId: 'main' })).error, { code: 'FORBIDDEN', message: /runtimeNodes/ })
  const { client: runtime } = await admitted(url, { ...node, device: named })
  t.match((await runtime.request('node.agent.register', { agentId: 'main' })).payload, { ok: true, waiting: 0 })
  await send(client, 'hello node')
  const { runId } = await requested(runtime, 1)
  t.equal((await other.request('node.agent.update', { runId, final: { text: 'mine' } })).error.details.code, 'NOT_FOUND')
  await runtime.request('node.agent.update', { runId, final: { text: 'from the node' } })
  await finalOf(client, 'from the node')
  await Promise.all([client, other, runtime].map(closeClient))
})
