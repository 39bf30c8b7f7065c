import t, { type Test } from 'tap'
import { alice, direct, general, guildId, self, thread, token } from '../fixtures/channels/discord-people.ts'
import { startDiscord, type DiscordServer } from '../fixtures/channels/discord-server.ts'
import { admitted, type TestClient } from '../helper.ts'
import { createHome, daemonToken, eventually, serve, stop, type Daemon, type Home } from '../process/daemon.ts'

interface Scene {
  readonly server: DiscordServer
  readonly home: Home
  readonly daemon: Daemon
  readonly client: TestClient
  /** What the bot says in a channel, as it stands there now. */
  hears (channelId: string, wanted: (texts: string[]) => boolean): Promise<string[]>
}

async function open (t: Test, keys: object = {}): Promise<Scene> {
  const server = await startDiscord(t)
  const home = createHome(t, {
    gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken } },
    commands: { ownerAllowFrom: [`discord:${alice.id}`] },
    messages: { queue: { byChannel: { discord: 'followup' }, drop: 'new' }, outputFilters: [{ pattern: '^Echo, a demonstration \\(no model is configured\\): ', replace: '' }] },
    channels: { discord: { token: { source: 'env', id: 'DISCORD_BOT_TOKEN' }, apiRoot: server.url, streaming: 'off', ...keys } }
  })
  const daemon = await serve(t, { home, env: { DISCORD_BOT_TOKEN: token } })
  const { client } = await admitted(daemon.url, { auth: { token: daemonToken }, device: false })
  await eventually(async () => server.gateway.sessions.size, size => size > 0)
  return {
    server,
    home,
    daemon,
    client,
    hears: async (channelId, wanted) => await eventually(
      async () => server.rest.messages.filter(({ channel_id: id, author }) => id === channelId && author.id === self.id).map(({ content }) => content as string),
      wanted, 15_000)
  }
}

t.test('a stranger on Discord asks to be let in, is let in, and answered where they write', async t => {
  const { server, client, hears } = await open(t, { guilds: { [guildId]: { requireMention: true } } })
  server.write({ content: 'hello?' })
  const [asked] = await hears(direct.id, texts => texts.length === 1)
  t.match(asked, /pairing approve discord [A-Z2-9]{8}/)
  const { payload: { requests: [request] } } = await client.request('channels.pairing.list', { channel: 'discord' }) as any
  t.match(request, { channel: 'discord', senderId: alice.id })
  t.match(await client.request('channels.pairing.approve', { requestId: request.requestId }), { ok: true })
  const before = (await hears(direct.id, texts => texts.length >= 1)).length
  server.write({ content: 'hello again' })
  await hears(direct.id, texts => texts.length > before && texts.some(text => /hello again/.test(text)))
  server.writeInGuild({ content: 'nobody is meant' })
  server.writeInGuild({ content: `<@${self.id}> in a thread`, mentions: [self], channel_id: thread.id })
  t.match((await hears(thread.id, texts => texts.length === 1))[0], /in a thread/)
  t.same(await hears(general.id, () => true), [])
  const { payload: { sessions } } = await client.request('sessions.list', {}) as any
  t.ok(sessions.some(({ key }: { key: string }) => key === `agent:main:discord:channel:${general.id}:thread:${thread.id}`), JSON.stringify(sessions.map((one: any) => one.key)))
})

t.test('a gateway that is killed goes on where it was, and answers nothing twice', async t => {
  const first = await open(t, { dmPolicy: 'open', allowFrom: ['*'] })
  const { server, home, hears } = first
  for (let count = 1; count <= 10; count++) server.write({ content: `m-${count}.` })
  await hears(direct.id, texts => texts.length > 0)
  first.daemon.kill('SIGKILL')
  await first.daemon.exit()
  for (let count = 11; count <= 15; count++) server.write({ content: `m-${count}.` })
  const again = await serve(t, { home, env: { DISCORD_BOT_TOKEN: token } })
  const marks = (texts: string[]): string[] => texts.join('\n').match(/m-\d+\./g) ?? []
  const said = marks(await hears(direct.id, texts => new Set(marks(texts)).size === 15))
  t.same(said.toSorted(), [...new Set(said)].toSorted(), 'none twice, and none lost')
  t.equal((await stop(again)).code, 0)
})

t.test('what Discord says of the account is what the status says', async t => {
  const { server, client } = await open(t)
  const status = async (): Promise<any> => ((await client.request('channels.status', { probe: true })) as any).payload.channelAccounts.discord[0]
  t.match(await eventually(status, ({ connected }) => connected === true), { lifecycle: 'ready', probe: { ok: true, bot: { id: self.id, username: 'claw' } } })
  for (const socket of server.gateway.sockets) socket.close(4014)
  t.match(await eventually(status, ({ running }) => running === false), { lastError: /switch on "Message Content Intent"/, healthy: false })
})
