/** The clients of the gateway as a channel: seen among the others, and written to. */
import t from 'tap'
import { modelMessages, storedMessages } from '../../src/agent/turn.ts'
import { admitted, closeClient, startGateway } from '../helper.ts'
import { eventually } from '../process/daemon.ts'
import { openChannelScene, type ChannelScene } from './channel-scene.ts'
import { invoke } from './tool-call.ts'

type Call = ChannelScene['call']

async function openScene (t: Parameters<typeof startGateway>[0], config: { [key: string]: unknown } = {}) {
  const gateway = await startGateway(t, { config })
  const { client } = await admitted(gateway.url)
  t.teardown(async () => await closeClient(client))
  const call: Call = async (method, params = {}) => await client.request(method, params)
  return { ...gateway, client, call }
}

/** What stands in a conversation in the name of its assistant. */
async function saidIn (call: Call, sessionKey: string): Promise<string[]> {
  const { payload } = await call('chat.history', { sessionKey, limit: 50 })
  return payload.messages.filter(({ role }: any) => role === 'assistant').map(({ content }: any) => content.map(({ text = '' }: any) => text).join(''))
}

t.test('it is shown with its clients, cannot be started or stopped, and changes nothing in the health of the gateway', async t => {
  const { url, call, gateway } = await openScene(t)
  const row = async () => (await call('channels.status', { probe: true })).payload.channelAccounts.webchat[0]
  t.match(await row(), { accountId: 'default', configured: true, running: true, connected: false, clients: 0, mode: 'rpc', healthy: true, probe: { ok: true } })
  const page = await admitted(url, { client: { id: 'gateway-client', mode: 'ui' } })
  t.match(await row(), { connected: true, clients: 1, lastConnectedAt: Number })
  t.notOk('lastTransportActivityAt' in await row(), 'nothing of it can be stale')
  await closeClient(page.client)
  t.ok(await eventually(row, ({ connected }) => connected === false))
  t.match((await call('channels.status')).payload, { channelOrder: ['webchat'], channelMeta: [{ id: 'webchat', label: 'WebChat' }] })
  t.same((await call('channels.status', { channel: 'slack' })).payload.channelOrder, [])
  for (const method of ['channels.start', 'channels.stop', 'channels.logout']) {
    t.match((await call(method, { channel: 'webchat' })).error, { message: /its clients connect to this gateway by themselves/ }, method)
  }
  t.match((await call('health')).payload, { channels: {}, channelOrder: [] })
  t.equal((gateway.rooms.channels as { current? (): unknown }).current?.(), undefined, 'nothing of the channels was loaded for it')
})

t.test('what is sent there stands in the conversation once, and whoever follows it is told', async t => {
  const { url, call } = await openScene(t)
  const { client: reader } = await admitted(url, { scopes: ['operator.read'] })
  t.teardown(async () => await closeClient(reader))
  await reader.request('sessions.messages.subscribe', { key: 'agent:main:main' })
  const wanted = { channel: 'webchat', to: 'main', message: 'the kettle is on', idempotencyKey: 'k1' }
  const first = await call('send', wanted)
  t.match(first.payload, { channel: 'webchat', accountId: 'default', to: 'agent:main:main', status: 'sent', messageId: String, runId: 'k1' })
  const { messageId } = first.payload
  t.match((await reader.frame(({ event, payload }) => event === 'chat' && payload.runId === `inject-${messageId}`)).payload, { state: 'final' })
  await reader.frame(({ event, payload }) => event === 'session.message' && payload.messageId === messageId)
  const both = await Promise.all([call('send', wanted), call('send', wanted)])
  t.same(both.map(({ payload }) => payload.messageId), [messageId, messageId])
  t.match((await call('send', { ...wanted, message: 'another' })).error, { details: { code: 'IDEMPOTENCY_CONFLICT' } })
  t.same(await saidIn(call, 'main'), ['the kettle is on'])
  const long = 'x'.repeat(60_000)
  await call('message.action', { channel: 'webchat', action: 'send', params: { target: 'webchat:agent:main:main', message: long }, idempotencyKey: 'k2' })
  const { payload } = await call('chat.history', { sessionKey: 'main', maxChars: 500_000 })
  t.equal(payload.messages.length, 2, 'one message, however long')
  t.equal(payload.messages.at(-1).content[0].text.length, long.length)
})

t.test('what cannot be sent is refused in words', async t => {
  const { call } = await openScene(t)
  const refused = async (params: object) => (await call('send', { channel: 'webchat', to: 'main', message: 'x', idempotencyKey: 'k', ...params })).error.message
  t.match(await refused({ to: 'agent:main:typo' }), /session not found: agent:main:typo/)
  t.match(await refused({ to: 'agent:nobody:main' }), /nobody/)
  t.match(await refused({ to: ' ' }), /Target is required|\/to/)
  t.match(await refused({ accountId: 'second' }), /channel webchat has no account second/)
  t.match(await refused({ buffer: 'eA==', filename: 'x.txt' }), /WebChat takes texts, and no files/)
  const edit = await call('message.action', { channel: 'webchat', action: 'edit', params: { target: 'main', messageId: '1', message: 'x' }, idempotencyKey: 'e' })
  t.match(edit.error.message, /"edit" is not supported on webchat/)
})

t.test('an agent says something in its own conversation before it replies, and the next turn goes on from there', async t => {
  const { call, gateway } = await openScene(t)
  const use = `/tool message ${JSON.stringify({ action: 'send', channel: 'webchat', message: 'one moment' })}`
  await call('chat.send', { sessionKey: 'main', message: use, idempotencyKey: 'r1' })
  t.match(await call('agent.wait', { runId: 'r1', timeoutMs: 10_000 }), { payload: { status: 'ok' } })
  t.ok((await saidIn(call, 'main')).includes('one moment'))
  // It was written while the call was under way, and parts it from its result for no model.
  const taken = modelMessages(await storedMessages('agent:main:main', gateway.rooms.sessions), 0)
  t.same(taken.map(message => message.role), ['user', 'assistant', 'assistant', 'toolResult', 'assistant'])
  t.match(taken[1], { content: [{ text: 'one moment' }] })
  await call('chat.send', { sessionKey: 'main', message: 'and now?', idempotencyKey: 'r2' })
  t.match(await call('agent.wait', { runId: 'r2', timeoutMs: 10_000 }), { payload: { status: 'ok' } })
})

t.test('conversations out of reach of an agent are so in this way, too', async t => {
  const scene = await openScene(t, { tools: { sessions: { visibility: 'self' } } })
  await scene.call('sessions.create', { key: 'agent:main:other' })
  const said = await invoke(scene, 'message', { action: 'send', channel: 'webchat', target: 'agent:main:other', message: 'x' })
  t.match(said.details, { status: 'error', error: /out of reach/ })
  t.same(await saidIn(scene.call, 'agent:main:other'), [])
})

t.test('beside a channel of a service it comes last, and both are written to', async t => {
  const scene = await openChannelScene(t)
  await scene.connected()
  t.same((await scene.call('channels.status')).payload.channelOrder, ['telegram', 'webchat'])
  t.notOk((await scene.call('health')).payload.channelOrder.includes('webchat'))
  t.match((await invoke(scene, 'message', { action: 'send', target: 'webchat:main', message: 'here' })).details, { ok: true, channel: 'webchat' })
  t.match((await invoke(scene, 'message', { action: 'send', target: '501', message: 'there' })).details, { ok: true, channel: 'telegram' })
  t.same(await saidIn(scene.call, 'main'), ['here'])
})

t.test('a job tells its reply in the conversation where its owner talks, once, and not again where it was said', async t => {
  const { call } = await openScene(t)
  await call('chat.send', { sessionKey: 'main', message: 'hello', idempotencyKey: 'h' })
  await call('agent.wait', { runId: 'h', timeoutMs: 10_000 })
  const before = (await saidIn(call, 'main')).length
  const common = { schedule: { kind: 'every', everyMs: 3_600_000 }, wakeMode: 'now', payload: { kind: 'agentTurn', message: 'the report' } }
  const ranOnce = async (job: object): Promise<any> => {
    const { id } = (await call('cron.add', { ...common, ...job })).payload
    await call('cron.run', { id, mode: 'force' })
    return await eventually(async () => (await call('cron.runs', { id })).payload.entries[0], entry => entry?.status === 'ok')
  }
  const announce = { mode: 'announce', channel: 'last' }
  t.match(await ranOnce({ name: 'apart', sessionTarget: 'isolated', delivery: announce }), { deliveryStatus: 'delivered' })
  const told = await saidIn(call, 'main')
  t.equal(told.length, before + 1)
  t.match(told.at(-1), /the report/)
  t.match(await ranOnce({ name: 'there', sessionTarget: 'session:agent:main:main', delivery: announce }), { deliveryStatus: 'delivered' })
  t.equal((await saidIn(call, 'main')).length, before + 2, 'said once by the run itself')
})
