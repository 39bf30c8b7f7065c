import t, { type Test } from 'tap'
import { alice, appToken, botToken, direct, general, self, signingSecret } from '../fixtures/channels/slack-people.ts'
import { signed, startSlack, type SlackServer } from '../fixtures/channels/slack-server.ts'
import { admitted } from '../helper.ts'
import { createHome, daemonToken, eventually, serve, type Daemon } from '../process/daemon.ts'

interface Scene {
  readonly server: SlackServer
  readonly daemon: Daemon
  readonly status: () => Promise<any>
  /** What the bot says in a conversation. */
  hears (channel: string, count: number): Promise<any[]>
}

async function open (t: Test, keys: object): Promise<Scene> {
  const server = await startSlack(t)
  const home = createHome(t, {
    gateway: { mode: 'local', auth: { mode: 'token', token: daemonToken } },
    commands: { ownerAllowFrom: [`slack:${alice.id}`] },
    messages: { outputFilters: [{ pattern: '^Echo, a demonstration \\(no model is configured\\): ', replace: '' }] },
    channels: { slack: { botToken, apiRoot: server.url, streaming: 'off', dmPolicy: 'allowlist', allowFrom: [alice.id], ...keys } }
  })
  const daemon = await serve(t, { home })
  const { client } = await admitted(daemon.url, { auth: { token: daemonToken }, device: false })
  return {
    server,
    daemon,
    status: async () => ((await client.request('channels.status', { probe: true })) as any).payload.channelAccounts.slack[0],
    hears: async (channel, count) => await eventually(
      async () => server.messages.filter(message => message.channel === channel && message.user === self.userId), found => found.length >= count, 15_000)
  }
}

t.test('people on Slack are answered over a socket, in the thread in which they write', async t => {
  const { server, hears, status } = await open(t, { appToken, channels: { [general.id]: {} } })
  t.match(await eventually(status, ({ connected }) => connected === true), { lifecycle: 'ready', probe: { ok: true, bot: { id: self.userId } } })
  server.write({ text: 'hello &lt;you&gt;' })
  t.match(await hears(direct, 1), [{ text: /hello &lt;you&gt;/, thread_ts: undefined }])
  const mention = { channel: general.id, user: alice.id, text: `<@${self.userId}> below`, ts: '1700000000.000500', thread_ts: '1700000000.000100' }
  server.tell({ type: 'message', channel_type: 'channel', ...mention })
  server.tell({ type: 'app_mention', ...mention })
  t.match(await hears(general.id, 1), [{ text: /below/, thread_ts: '1700000000.000100' }])
  await eventually(async () => server.acknowledged().length, count => count === 3)
  server.write({ text: 'bye' })
  await hears(direct, 2)
  t.equal((await hears(general.id, 1)).length, 1, 'the two events of one mention are answered once')
})

t.test('people on Slack are answered by way of its calls, and nobody else is heard', async t => {
  const { server, daemon, hears, status } = await open(t, { mode: 'http', signingSecret })
  await eventually(status, ({ running }) => running === true)
  const post = async (request: ReturnType<typeof signed>): Promise<number> => {
    const headers = { 'content-type': 'application/json', ...request.headers as { [name: string]: string } }
    return (await fetch(`${daemon.http}/webhooks/slack/default`, { method: 'POST', headers, body: new Uint8Array(request.body!) })).status
  }
  const event = server.eventOf({ type: 'message', user: alice.id, channel: direct, channel_type: 'im', text: 'by call', ts: '1700000000.000100' })
  t.equal(await post(signed(event, { secret: 'guess' })), 401)
  t.equal(await post(signed(event)), 200)
  t.equal(await post(signed(event, { headers: { 'x-slack-retry-num': '1' } })), 200)
  t.match(await hears(direct, 1), [{ text: /by call/ }])
  t.equal(await post(signed(server.eventOf({ type: 'message', user: alice.id, channel: direct, channel_type: 'im', text: 'once more', ts: '1700000000.000200' }))), 200)
  t.equal((await hears(direct, 2)).length, 2)
})
