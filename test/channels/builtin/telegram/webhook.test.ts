import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { telegram } from '../../../../src/channels/builtin/telegram/telegram.ts'
import type { WebhookAnswer, WebhookRequest } from '../../../../src/channels/define-channel.ts'
import { keepFile } from '../../../fixtures/channels/telegram-methods.ts'
import { botToken } from '../../../fixtures/channels/telegram-people.ts'
import { startTelegram } from '../../../fixtures/channels/telegram-server.ts'
import { ownDirectory } from '../../../fixtures/own-directory.ts'
import { startWebServer } from '../../../fixtures/web-server.ts'
import { freePort } from '../../../process/daemon.ts'
import { openScene, until, type Scene } from './scene.ts'

// Each has a service and an account of its own, and waits for them in real time: they wait together.
t.jobs = 8

const secret = 'hook_secret-1'

/** The HTTP side of a gateway, as far as Telegram sees it. */
async function openHook (t: Test): Promise<{ scene: Scene, answers: number[] }> {
  const answers: number[] = []
  const open: { account?: Scene['account'] } = {}
  const web = await startWebServer(t, ({ method, url, headers, body }, response) => {
    const request = { method, path: url, query: {}, headers: headers as WebhookRequest['headers'], body: Buffer.from(body) }
    open.account!.webhook!(request).then(({ status, body: answer }) => {
      answers.push(status)
      response.writeHead(status).end(JSON.stringify(answer))
    }, error => response.writeHead(500).end(String(error)))
  })
  const server = await startTelegram(t)
  const scene = await openScene(t, { server, keys: { webhookUrl: `${web.url}/telegram`, webhookSecret: secret } })
  open.account = scene.account
  return { scene, answers }
}

t.test('Telegram is told where to deliver, and what it delivers is accepted when it is durable', async t => {
  const { scene, answers } = await openHook(t)
  const { server } = scene
  t.match(server.webhook, { secret, connections: 40 })
  let fails = 2
  scene.receive = async () => { if (fails-- > 0) throw new Error('the store is full') }
  server.write({ text: 'one' })
  server.write({ text: 'two' })
  await until(() => scene.received.length === 2)
  t.same(scene.received.map(({ text }) => text), ['one', 'two'])
  await until(() => answers.length === 4)
  t.same(answers, [503, 503, 200, 200])
  t.same(scene.links, [], 'there is no connection that could be up or down')
  t.ok(scene.activities() > 0)
  await scene.account.stop()
  t.ok(server.webhook, 'what is written while the gateway is away waits with Telegram')
})

t.test('Telegram is asked whether it reaches us: what it cannot bring, and another webhook in place of ours', async t => {
  const port = await freePort()
  const server = await startTelegram(t)
  const url = `http://127.0.0.1:${port}/telegram`
  const scene = await openScene(t, { server, keys: { webhookUrl: url, webhookSecret: secret, webhookCheckSeconds: 1 } })
  const saysLast = async (found: RegExp | undefined): Promise<void> =>
    await until(() => scene.ingress.length > 0 && (found ? found.test(scene.ingress.at(-1) ?? '') : scene.ingress.at(-1) === undefined))
  await saysLast(undefined)
  server.write({ text: 'nobody is there' })
  await saysLast(new RegExp(`^Telegram cannot bring 1 messages to ${url}: Connection refused$`))
  const web = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk)).on('end', () => {
      scene.account.webhook!({ method: 'POST', path: '', query: {}, headers: request.headers as WebhookRequest['headers'], body: Buffer.concat(chunks) })
        .then(({ status }) => response.writeHead(status).end(), () => response.destroy())
    })
  })
  web.listen(port, '127.0.0.1')
  t.teardown(() => web.close())
  await saysLast(undefined)
  t.match(scene.received, [{ text: 'nobody is there' }])
  for (const [other, words] of [['http://127.0.0.1:1/elsewhere', /something else has entered another webhook/], ['', /was taken away/]] as const) {
    await fetch(`${server.url}/bot${botToken}/setWebhook?url=${encodeURIComponent(other)}`)
    await saysLast(words)
  }
  await scene.again()
  await saysLast(undefined)
})

t.test('an album is gathered though each picture waits for the answer to the one before', async t => {
  const { scene } = await openHook(t)
  const { server } = scene
  for (const name of ['one', 'two', 'three']) server.write({ media_group_id: 'g', document: keepFile(server, name, Buffer.from(name)), caption: name })
  await until(() => scene.received.length === 1)
  t.match(scene.received[0], { text: 'one\ntwo\nthree', attachments: [{}, {}, {}] })
  await sleep(200)
  t.equal(scene.received.length, 1)
})

t.test('whoever is not Telegram gets nothing in, whatever it sends', async t => {
  const { scene } = await openHook(t)
  const update = { update_id: 1, message: { message_id: 1, date: 1, chat: { id: 501, type: 'private' }, from: { id: 501 }, text: 'let me in' } }
  const ask = async (body: string | Buffer, given: string | undefined = secret, method = 'POST'): Promise<WebhookAnswer> => await scene.account.webhook!({
    method, path: '', query: {}, headers: given === '' ? {} : { 'x-telegram-bot-api-secret-token': given }, body: Buffer.from(body)
  })
  const good = JSON.stringify(update)
  t.match(await ask(good, 'wrong'), { status: 401 })
  t.match(await ask(good, ''), { status: 401 })
  t.match(await ask(good, secret, 'GET'), { status: 405, headers: { allow: 'POST' } })
  t.match(await ask('{"update_id"'), { status: 400 })
  t.match(await ask('null'), { status: 400 })
  t.match(await ask('{"update_id":"x"}'), { status: 400 })
  t.match(await ask(Buffer.alloc(1024 * 1024 + 1)), { status: 413 })
  t.same(scene.received, [])
  t.match(await ask(good), { status: 200 })
  t.equal(scene.received.length, 1)
})

t.test('a flood is shed while something hangs', async t => {
  const { scene } = await openHook(t)
  scene.receive = async () => await new Promise(() => {})
  const ask = async (id: number): Promise<number> => (await scene.account.webhook!({
    method: 'POST',
    path: '',
    query: {},
    headers: { 'x-telegram-bot-api-secret-token': secret },
    body: Buffer.from(JSON.stringify({ update_id: id, message: { message_id: id, date: 1, chat: { id: 501, type: 'private' }, from: { id: 501 }, text: 'x' } }))
  })).status
  for (let id = 0; id < 80; id++) ask(id).catch(() => {})
  t.equal(await ask(80), 503)
})

t.test('logging out takes the webhook away', async t => {
  const { scene } = await openHook(t)
  await scene.account.logout!(new AbortController().signal)
  t.equal(scene.server.webhook, undefined)
})

t.test('what is missing is said with the next step', async t => {
  const missing = (keys: object, accountId = 'default'): string | undefined => telegram.missing(keys, accountId)
  t.equal(missing({ botToken }), undefined)
  t.equal(missing({ tokenFile: '/run/token' }), undefined)
  t.match(missing({}), /^set channels\.telegram\.botToken or channels\.telegram\.tokenFile: .*@BotFather$/)
  t.match(missing({ botToken: '' }, 'work'), /^set channels\.telegram\.accounts\.work\.botToken/)
  t.match(missing({ botToken: 'abc' }), /is no token of a bot/)
  t.notMatch(missing({ botToken: 'abc-secret' }), /abc-secret/)
  t.equal(missing({ botToken: { source: 'env', id: 'TOKEN' } }), undefined, 'where it leads shows at the start')
  t.match(missing({ botToken, webhookUrl: 'https://example.com/t' }), /set channels\.telegram\.webhookSecret/)
  t.match(missing({ botToken, webhookUrl: 'https://example.com/t', webhookSecret: 'with space' }), /webhookSecret/)
  t.match(missing({ botToken, webhookUrl: 'http://example.com/t', webhookSecret: secret }), /must begin with https/)
  t.match(missing({ botToken, webhookUrl: '/t', webhookSecret: secret }), /absolute address/)
  t.match(missing({ botToken, apiRoot: 'ftp://x' }), /apiRoot must be an absolute http or https address/)
})

t.test('a token in a file is read at every start, and only from a file of our own', async t => {
  const dir = ownDirectory(t, { token: `${botToken}\n`, 'no-token': 'hello' })
  const { chmod } = await import('node:fs/promises')
  await chmod(`${dir}/token`, 0o600)
  await chmod(`${dir}/no-token`, 0o600)
  const scene = await openScene(t, { keys: { botToken: undefined, tokenFile: `${dir}/token` } })
  scene.server.write({ text: 'hi' })
  await until(() => scene.received.length === 1)
  await t.rejects(openScene(t, { keys: { botToken: undefined, tokenFile: `${dir}/no-token` } }), { message: /holds no token of a bot/ })
  await chmod(`${dir}/token`, 0o644)
  await t.rejects(openScene(t, { keys: { botToken: undefined, tokenFile: `${dir}/token` } }), { message: /chmod 600/ })
  await t.rejects(openScene(t, { keys: { botToken: undefined, tokenFile: `${dir}/absent` } }), { message: /ENOENT/ })
})
