/** The stand-in for Discord, seen by clients that others wrote for the real one. */
import { once } from 'node:events'
import { DiscordAPIError, REST } from '@discordjs/rest'
import { WebSocketManager, WebSocketShardEvents } from '@discordjs/ws'
import t, { type Test } from 'tap'
import { alice, direct, general, self, token } from '../../../fixtures/channels/discord-people.ts'
import { startDiscord, type DiscordServer } from '../../../fixtures/channels/discord-server.ts'
import { until } from '../../../fixtures/channels/account-scene.ts'

const restOf = ({ url }: DiscordServer, key = token): REST => new REST({ api: url.replace(/\/v10$/, ''), version: '10', retries: 0 }).setToken(key)
const refusal = async (work: Promise<unknown>): Promise<DiscordAPIError | undefined> => await work.then(() => undefined, error => error as DiscordAPIError)

async function listen (t: Test, server: DiscordServer): Promise<{ manager: WebSocketManager, told: Array<{ t: string, d: any }>, resumed: () => number }> {
  const manager = new WebSocketManager({ token, intents: 37377 as 0, rest: restOf(server) })
  const told: Array<{ t: string, d: any }> = []
  let resumed = 0
  manager.on(WebSocketShardEvents.Dispatch, event => { told.push(event as never) })
  manager.on(WebSocketShardEvents.Resumed, () => { resumed++ })
  manager.on(WebSocketShardEvents.Error, () => {})
  await manager.connect()
  t.teardown(async () => await manager.destroy())
  return { manager, told, resumed: () => resumed }
}

t.test('a client of discord.js is taken in, told, and resumed with what it missed', async t => {
  const server = await startDiscord(t)
  server.gateway.heartbeatMs = 1500
  const { told, resumed } = await listen(t, server)
  server.write({ content: 'hello' })
  await until(() => told.some(({ t: event }) => event === 'MESSAGE_CREATE'))
  t.match(told.map(({ t: event }) => event), ['READY', 'GUILD_CREATE', 'MESSAGE_CREATE'])
  t.match(told[0]!.d, { user: { id: self.id }, session_id: 'session-1' })
  await until(() => server.gateway.frames.some(({ op }) => op === 1))
  const [socket] = server.gateway.sockets
  const closed = once(socket!, 'close')
  socket!.close(4000)
  // From here on it is away, until it comes back by itself.
  await closed
  server.write({ content: 'missed' })
  await until(() => resumed() === 1)
  t.same(told.filter(({ t: event }) => event === 'MESSAGE_CREATE').map(({ d }) => d.content), ['hello', 'missed'])
})

t.test('the REST client of discord.js sends, edits, reacts and is told what is wrong', async t => {
  const server = await startDiscord(t)
  const rest = restOf(server)
  t.match(await rest.get('/users/@me'), { id: self.id })
  const sent = await rest.post(`/channels/${general.id}/messages`, {
    body: { content: 'look', nonce: 'one', enforce_nonce: true }, files: [{ name: 'a.txt', data: Buffer.from('content'), contentType: 'text/plain' }]
  }) as any
  t.match(sent, { content: 'look', author: { id: self.id }, attachments: [{ filename: 'a.txt', size: 7 }] })
  t.equal(await (await fetch(sent.attachments[0].url)).text(), 'content')
  const again = await rest.post(`/channels/${general.id}/messages`, { body: { content: 'look', nonce: 'one', enforce_nonce: true } }) as any
  t.equal(again.id, sent.id)
  const path = `/channels/${general.id}/messages/${sent.id}` as const
  t.match(await rest.patch(path, { body: { content: 'changed' } }), { content: 'changed' })
  await rest.put(`${path}/reactions/${encodeURIComponent('👀')}/@me`)
  t.match(await rest.get(path), { reactions: [{ me: true, emoji: { name: '👀' } }] })
  await rest.delete(path)
  t.match(await refusal(rest.get(path)), { status: 404, code: 10008, rawError: { message: 'Unknown Message' } })
  t.match(await refusal(rest.post(`/channels/${general.id}/messages`, { body: { content: 'x'.repeat(2001) } })), { status: 400, code: 50035 })
  t.match(await refusal(rest.post('/channels/9/messages', { body: { content: 'x' } })), { code: 10003 })
  t.match(await rest.post('/users/@me/channels', { body: { recipient_id: alice.id } }), { id: direct.id, type: 1 })
  t.match(await refusal(restOf(server, 'other').get('/users/@me')), { status: 401 })
})

t.test('the REST client of discord.js waits for as long as it is told', async t => {
  const server = await startDiscord(t)
  const rest = restOf(server)
  server.fail('POST /channels', {
    status: 429,
    body: { message: 'You are being rate limited.', retry_after: 0.3, global: false },
    headers: { 'retry-after': '1', 'x-ratelimit-scope': 'user', 'x-ratelimit-reset-after': '0.3' }
  })
  const beganAt = performance.now()
  t.match(await rest.post(`/channels/${general.id}/typing`), new ArrayBuffer(0))
  t.ok(performance.now() - beganAt >= 295)
})
