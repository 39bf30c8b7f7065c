/** The stand-in for Slack, seen by clients that others wrote for the real one. */
import { SocketModeClient } from '@slack/socket-mode'
import { WebClient, LogLevel, type WebAPICallError } from '@slack/web-api'
import t from 'tap'
import { until } from '../../../fixtures/channels/account-scene.ts'
import { alice, appToken, botToken, direct, general, self } from '../../../fixtures/channels/slack-people.ts'
import { startSlack, type SlackServer } from '../../../fixtures/channels/slack-server.ts'

// Each has a service and an account of its own, and waits for them in real time: they wait together.
t.jobs = 8

const webOf = ({ url }: SlackServer, token = botToken): WebClient =>
  new WebClient(token, { slackApiUrl: `${url}/`, retryConfig: { retries: 0 }, rejectRateLimitedCalls: true, logLevel: LogLevel.ERROR })
const refusal = async (work: Promise<unknown>): Promise<WebAPICallError | undefined> => await work.then(() => undefined, error => error as WebAPICallError)

t.test('the Web API client of Slack sends, changes, reacts and is told what is wrong', async t => {
  const server = await startSlack(t)
  const web = webOf(server)
  t.match(await web.auth.test(), { ok: true, user_id: self.userId, bot_id: self.botId })
  const { ts } = await web.chat.postMessage({ channel: general.id, text: 'hello', thread_ts: '1700000000.000100' })
  t.match(server.messages, [{ text: 'hello', ts, thread_ts: '1700000000.000100' }])
  t.match(await web.chat.update({ channel: general.id, ts: ts!, text: 'changed' }), { ok: true, ts })
  await web.reactions.add({ channel: general.id, timestamp: ts!, name: 'eyes' })
  t.match(await refusal(web.reactions.add({ channel: general.id, timestamp: ts!, name: 'eyes' })), { data: { error: 'already_reacted' } })
  t.match(await web.conversations.open({ users: alice.id }), { channel: { id: direct } })
  await web.chat.delete({ channel: general.id, ts: ts! })
  t.match(await refusal(web.chat.postMessage({ channel: 'C9', text: 'x' })), { code: 'slack_webapi_platform_error', data: { error: 'channel_not_found' } })
  t.match(await refusal(webOf(server, 'xoxb-other').auth.test()), { data: { error: 'invalid_auth' } })
  server.fail('chat.postMessage', { status: 429, body: { ok: false, error: 'ratelimited' }, headers: { 'retry-after': '3' } })
  t.match(await refusal(web.chat.postMessage({ channel: general.id, text: 'x' })), { code: 'slack_webapi_rate_limited_error', retryAfter: 3 })
})

t.test('the Web API client of Slack brings files', async t => {
  const server = await startSlack(t)
  await webOf(server).filesUploadV2({ channel_id: general.id, filename: 'notes.txt', file: Buffer.from('content'), initial_comment: 'look' })
  t.match(server.messages, [{ channel: general.id, text: 'look', files: [{ name: 'notes.txt' }] }])
})

t.test('the socket client of Slack is taken in, told, and followed by another when it is asked to go', async t => {
  const server = await startSlack(t)
  const client = new SocketModeClient({ appToken, clientOptions: { slackApiUrl: `${server.url}/` }, logLevel: LogLevel.ERROR, autoReconnectEnabled: true })
  const told: string[] = []
  client.on('message', ({ event, ack }) => {
    told.push(event.text)
    ack().catch(() => {})
  })
  await client.start()
  t.teardown(async () => await client.disconnect())
  server.write({ text: 'hello' })
  await until(() => server.acknowledged().length === 1)
  t.same([told, server.acknowledged()], [['hello'], ['envelope-1']])
  server.sockets[0]!.send(JSON.stringify({ type: 'disconnect', reason: 'refresh_requested', debug_info: { host: 'applink-1' } }))
  await until(() => server.opened() === 2)
  await until(() => server.sockets.length > 0)
  await until(() => {
    if (told.length === 1) server.write({ text: 'again' })
    return told.length > 1
  })
})
