import { writeFileSync } from 'node:fs'
import t from 'tap'
import { bot, botToken, direct } from '../fixtures/channels/telegram-people.ts'
import { startTelegram } from '../fixtures/channels/telegram-server.ts'
import { daemonToken, eventually, freePort, getJson } from '../process/daemon.ts'
import { configOf, openScene } from './telegram-scene.ts'

t.test('Telegram may call instead of being asked, and nobody else gets in by that door', async t => {
  const port = await freePort()
  const address = `http://127.0.0.1:${port}/webhooks/telegram/default`
  const scene = await openScene(t, { keys: { allowFrom: ['501'], webhookUrl: address, webhookSecret: 's3cret' }, port })
  const { server } = scene
  await server.called('setWebhook')
  server.write({ text: 'by webhook' })
  t.match((await scene.hears(1)).at(-1), /by webhook/)

  const post = async (path: string, headers = {}, body = '{}'): Promise<{ status: number, body: any }> =>
    await getJson(`http://127.0.0.1:${port}${path}`, { method: 'POST', headers, body })
  const update = JSON.stringify({ update_id: 7, message: { message_id: 9, date: 1, chat: direct, from: { id: 501, is_bot: false, first_name: 'Alice' }, text: 'forged' } })
  const unknown = await post('/webhooks/nothing/default')
  t.equal(unknown.status, 404)
  for (const path of ['/webhooks/telegram/other', '/webhooks/discord/default', '/webhooks/defaults/default', '/webhooks/telegram']) {
    t.same({ ...await post(path) }.status, 404, path)
  }
  t.equal((await post('/webhooks/telegram/default', { 'x-telegram-bot-api-secret-token': 's3cret' }, 'x'.repeat(1_200_000))).status, 413)
  t.equal((await post('/webhooks/telegram/default', { 'x-telegram-bot-api-secret-token': 's3cret' }, '{"update_id":')).status, 400)
  const answers = []
  for (let count = 0; count < 21; count++) answers.push((await post('/webhooks/telegram/default', { 'x-telegram-bot-api-secret-token': 'guess' }, update)).status)
  t.same(answers.slice(0, 20), Array(20).fill(401))
  t.equal(answers[20], 429, 'who guesses is shut out')
  t.equal(scene.said().length, 1, 'and nothing that was forged was answered')
})

t.test('an account that cannot work makes the gateway unready for whoever may know why', async t => {
  const scene = await openScene(t, { keys: { botToken: '999999:not-the-token' }, config: { gateway: { trustedProxies: ['127.0.0.1'] } } })
  const ready = async (headers = {}): Promise<{ status: number, body: any }> => await getJson(`${scene.daemon.http}/readyz`, { headers })
  const failing = await eventually(ready, ({ status }) => status === 503)
  t.match(failing, { status: 503, body: { ready: false, failing: ['telegram'] } })
  t.same((await ready({ 'x-forwarded-for': '203.0.113.9' })).body, { ready: false }, 'others hear that it is not')
  t.match((await ready({ 'x-forwarded-for': '203.0.113.9', authorization: `Bearer ${daemonToken}` })).body, { failing: ['telegram'] })
  t.equal((await getJson(`${scene.daemon.http}/healthz`)).status, 200)
})

t.test('what the configuration says of one account changes that account while the gateway runs', async t => {
  const other = await startTelegram(t)
  const scene = await openScene(t, { keys: { allowFrom: ['501'] } })
  const { server, home } = scene
  await server.called('getUpdates')
  const [polls, connections] = [server.calls.length, server.connections()]
  const two = configOf(server, { botToken: undefined, allowFrom: ['501'], accounts: { default: { botToken }, second: { botToken, apiRoot: other.url } } })
  writeFileSync(home.configPath, JSON.stringify(two))
  await scene.client.request('plugins.refresh', {})
  await other.called('getUpdates')
  other.write({ text: 'to the second' })
  await eventually(async () => other.messages.filter(({ from }) => from?.id === bot.id), found => found.length > 0)
  server.write({ text: 'to the first' })
  t.match((await scene.hears(1)).at(-1), /to the first/)
  t.equal(server.calls.slice(polls).filter(({ method }) => method === 'getMe').length, 0, 'the first goes on as it was')
  t.ok(server.connections() <= connections + 3)
  t.match(other.messages.at(-1), { text: /to the second/ })
})

t.test('what a program asks an agent may be answered in a chat', async t => {
  const { client, hears } = await openScene(t, { keys: { allowFrom: ['501'], streaming: 'off' } })
  const ask = async (more: object): Promise<any> =>
    await client.request('agent', { message: 'for the chat', idempotencyKey: `k-${Math.random()}`, deliver: true, ...more }, 10_000)
  t.match((await ask({ channel: 'telegram' })).error, { message: /Target is required/ })
  t.match((await ask({ channel: 'nothing', to: '1' })).error, { message: 'unsupported channel: nothing' })
  t.ok((await ask({ channel: 'telegram', to: '501' })).ok)
  t.same(await hears(1), ['for the chat'])
})
