/** What the official web UI (2026.9.6) sends while somebody talks on its chat page, written down while a browser showed it. */
import t from 'tap'
import { createDeviceIdentity, type DeviceIdentity } from '../../src/lib/device-identity.ts'
import { contractProblem } from '../contract.ts'
import { admitted, closeClient, connect, operatorScopes, startGateway, type ConnectOptions, type Frame, type TestClient } from '../helper.ts'

const key = 'agent:main:main'
const origin = 'http://127.0.0.1:5173'
const config = { gateway: { controlUi: { allowedOrigins: [origin] } } }
const page: ConnectOptions = {
  scopes: operatorScopes,
  socket: { origin },
  adjust: params => ({ ...params, caps: ['tool-events'] }),
  client: { id: 'openclaw-control-ui', version: '2026.9.6', platform: 'Linux x86_64', mode: 'webchat', timeZone: 'UTC' }
}
const rows = { includeGlobal: true, includeUnknown: true, configuredAgentsOnly: true, limit: 200, includeDerivedTitles: true, agentId: 'main' }
const tail = { limit: 80, maxBytes: 262_144 }

interface Tab {
  readonly client: TestClient
  /** The payload of an answer; rejects with the method when it is refused. */
  ask (method: string, params: object): Promise<any>
  /** The chat event of this state, past or future. */
  said (state: string, about: (payload: Frame) => boolean): Promise<Frame>
}

/** A browser that is approved; its tabs have the same device. */
async function openBrowser (url: string): Promise<DeviceIdentity> {
  const device = createDeviceIdentity()
  const { client: stranger, response } = await connect(url, { ...page, device })
  await stranger.close()
  const { client } = await admitted(url)
  await client.request('device.pair.approve', { requestId: response.error.details.requestId })
  await closeClient(client)
  return device
}

async function openTab (url: string, device: DeviceIdentity): Promise<Tab> {
  const { client } = await admitted(url, { ...page, device })
  async function ask (method: string, params: object): Promise<any> {
    const { ok, payload, error } = await client.request(method, params)
    if (!ok) throw new Error(`${method}: ${error.message}`)
    return payload
  }
  await ask('sessions.subscribe', {})
  await ask('chat.startup', { sessionKey: key, ...tail })
  await ask('sessions.messages.subscribe', { key, includeApprovals: true })
  return {
    client,
    ask,
    said: async (state, about) => await client.frame(({ event, payload }) => event === 'chat' && payload.state === state && about(payload), 10_000)
  }
}

const textOf = ({ content }: { content: string | { text?: string }[] }): string =>
  typeof content === 'string' ? content : content.map(({ text }) => text ?? '').join('')
const answers = (text: string) => ({ message }: Frame): boolean => message !== undefined && textOf(message).endsWith(text)
const isRun = (id: string) => ({ runId }: Frame): boolean => runId === id
const send = (message: string, idempotencyKey: string, more = {}): object => ({ sessionKey: key, message, deliver: false, idempotencyKey, ...more })

t.test('a first message is streamed to both tabs, stands in the history and leaves the agent its name', async t => {
  const { url } = await startGateway(t, { config })
  const browser = await openBrowser(url)
  const [one, two] = [await openTab(url, browser), await openTab(url, browser)]
  const before = await one.ask('agent.identity.get', { agentId: 'main' })
  t.same(await one.ask('chat.send', send('Hello there', 'first', { expectedLeafEntryId: null })), { runId: 'first', status: 'started' })
  for (const { said } of [one, two]) {
    await said('delta', isRun('first'))
    t.match((await said('final', isRun('first'))).payload.message, { role: 'assistant' })
  }
  const history = await two.ask('chat.history', { sessionKey: key, ...tail, inputRunIds: ['first'] })
  t.same(history.messages.map(({ role }: Frame) => role), ['user', 'assistant'])
  t.match(history.inputReceipts, [{ runId: 'first', state: 'consumed' }])
  const { sessionInfo: { activeLeafEntryId: leaf, sessionId }, deltaCursor: cursor } = history
  await one.ask('chat.send', send('And on', 'second', { sessionId, expectedLeafEntryId: leaf }))
  await two.said('final', isRun('second'))
  const delta = await two.ask('chat.history', { sessionKey: key, cursor, ...tail })
  t.match({ kind: delta.kind, texts: delta.messages.map(({ message }: Frame) => textOf(message)) }, { kind: 'delta', texts: ['And on', /And on$/] })
  await one.ask('sessions.patch', { key, agentId: 'main', expectedMarkedUnreadAt: null, unread: false })
  t.same(await one.ask('agent.identity.get', { agentId: 'main' }), before)
  for (const { client } of [one, two]) await closeClient(client)
})

t.test('a message that comes while the agent answers is shown as waiting, and both tabs hear its answer', async t => {
  const { url } = await startGateway(t, { config })
  const browser = await openBrowser(url)
  const [one, two] = [await openTab(url, browser), await openTab(url, browser)]
  await one.ask('chat.send', send('/slow 20\n/words 60', 'long'))
  await one.said('delta', isRun('long'))
  await one.ask('chat.send', send('A second one', 'steered', { queueMode: 'steer' }))
  const waiting = await one.ask('chat.history', { sessionKey: key, ...tail, inputRunIds: ['steered'] })
  t.match(waiting, { pendingInputs: { items: [{ runId: 'steered', state: 'queued' }] }, inputReceipts: [{ state: 'pending' }], inFlightRun: { runId: 'long' } })
  for (const { said } of [one, two]) await said('final', answers('A second one'))
  const { messages, pendingInputs } = await two.ask('chat.history', { sessionKey: key, ...tail })
  t.match(messages.map(textOf), [/^.slow/, /word60$/, 'A second one', /A second one$/])
  t.same(pendingInputs, { items: [], total: 0 })
  for (const { client } of [one, two]) await closeClient(client)
})

t.test('the stop button ends the run for both tabs, and what was said stays', async t => {
  const { url } = await startGateway(t, { config })
  const browser = await openBrowser(url)
  const [one, two] = [await openTab(url, browser), await openTab(url, browser)]
  await one.ask('chat.send', send('/slow 50\n/words 400', 'long'))
  await two.said('delta', ({ message }) => textOf(message).includes('word'))
  t.match(await one.ask('chat.abort', { sessionKey: key, runId: 'long' }), { aborted: true, runIds: ['long'] })
  for (const { said } of [one, two]) await said('aborted', isRun('long'))
  const { messages } = await two.ask('chat.history', { sessionKey: key, ...tail })
  t.match(messages.map(textOf), [/^.slow/, / word1/])
  for (const { client } of [one, two]) await closeClient(client)
})

t.test('a tool call is told while it happens, and stands in the history', async t => {
  const { url } = await startGateway(t, { config })
  const { client, ask, said } = await openTab(url, await openBrowser(url))
  await ask('chat.send', send('/tool session_status {}', 'tool'))
  await said('final', isRun('tool'))
  const told = client.frames.filter(({ event, payload }) => event === 'agent' && payload.stream === 'tool')
  t.match(told.map(({ payload }) => payload.data), [{ phase: 'start', name: 'session_status' }, { phase: 'result', isError: false }])
  const { messages } = await ask('chat.history', { sessionKey: key, ...tail })
  t.same(messages.map(({ role }: Frame) => role), ['user', 'assistant', 'toolResult', 'assistant'])
  await closeClient(client)
})

t.test('a thread of its own is found by its address, renamed, pinned, archived, brought back and deleted', async t => {
  const { url } = await startGateway(t, { config })
  const { client, ask, said } = await openTab(url, await openBrowser(url))
  const created = await ask('sessions.create', { agentId: 'main', message: 'A thread of its own' })
  const address = created.key.split(':').at(-1).replaceAll('-', '')
  await ask('sessions.messages.subscribe', { key: created.key, includeApprovals: true })
  await said('final', ({ sessionKey }) => sessionKey === created.key)
  const found = await ask('sessions.resolve', { shortId: address, agentId: 'main', allowMissing: true })
  t.match(found, { ok: true, key: created.key, agentId: 'main' }, 'the address of the page when it is opened again')
  t.equal(contractProblem('SessionsResolveResult', found), undefined)
  const reference = { includeGlobal: true, includeUnknown: true, agentId: 'main', allowMissing: true }
  t.same(await ask('sessions.resolve', { ...reference, reference: { key: 'agent:main:nobody' } }), { ok: false })
  t.match(await ask('sessions.resolve', { ...reference, reference: { key: created.key } }), { ok: true, key: created.key })

  const change = async (values: object): Promise<unknown> => await ask('sessions.patch', { key: created.key, agentId: 'main', expectedSessionId: created.sessionId, ...values })
  const row = async (): Promise<Frame | undefined> => (await ask('sessions.list', rows)).sessions.find((session: Frame) => session.key === created.key)
  await change({ label: 'Renamed thread' })
  await change({ pinned: true })
  t.match(await row(), { label: 'Renamed thread', pinned: true })
  await change({ archived: true })
  t.equal(await row(), undefined, 'out of the sidebar')
  await change({ archived: false })
  t.match(await row(), { label: 'Renamed thread' })
  t.match(await ask('sessions.delete', { key: created.key, agentId: 'main', deleteTranscript: true }), { ok: true, deleted: true })
  t.equal(await row(), undefined)
  await closeClient(client)
})
