import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { botToken, direct } from '../../../fixtures/channels/telegram-people.ts'
import { startTelegram } from '../../../fixtures/channels/telegram-server.ts'
import { openScene, until, type Scene } from './scene.ts'

const texts = ({ received }: Scene): string[] => received.map(({ text }) => text)

t.test('a message counts as read only when it is durable, and its order is kept', async t => {
  const scene = await openScene(t)
  const { server } = scene
  let fails = 3
  scene.receive = async ({ text }) => { if (text === 'two' && fails-- > 0) throw new Error('the store is full') }
  for (const text of ['one', 'two', 'three']) server.write({ text })
  await until(() => scene.received.length === 3)
  t.same(texts(scene), ['one', 'two', 'three'])
  await until(() => server.updates.length === 0)
  t.equal(scene.logged.filter(line => line.includes('could not be taken in')).length, 1, 'said once')
  t.equal(scene.links.length, 1, 'the connection was there all the time')
  const asked = server.calls.filter(({ method }) => method === 'getUpdates').map(({ params }) => params.offset)
  t.same(asked.slice(0, 2), [undefined, 1001], 'what was durable is not asked for again')
})

t.test('a gateway that is started again goes on where it had read to', async t => {
  const scene = await openScene(t)
  const { server } = scene
  server.write({ text: 'one' })
  await until(() => scene.received.length === 1)
  await until(() => 'offset' in scene.memory)
  t.match(scene.memory, { offset: { botId: 123456, next: 1001 } })
  server.calls.length = 0
  await scene.again()
  server.write({ text: 'two' })
  await until(() => scene.received.length === 2)
  const [first] = server.calls.filter(({ method }) => method === 'getUpdates')
  t.match(first!.params, { offset: 1001, allowed_updates: ['message', 'edited_message', 'channel_post', 'edited_channel_post'] })
})

t.test('an old position, or one of another bot, hides nothing', async t => {
  for (const offset of [{ botId: 123456, next: 5000, atMs: Date.now() - 7 * 24 * 3600 * 1000 }, { botId: 99, next: 5000, atMs: Date.now() }]) {
    const scene = await openScene(t, { memory: { offset } })
    scene.server.write({ text: 'seen' })
    await until(() => scene.received.length === 1)
  }
})

t.test('every poll that returns is a sign of life, however quiet the chats are', async t => {
  const scene = await openScene(t, { keys: { pollingTimeoutSeconds: 1 } })
  await until(() => scene.activities() >= 3)
  t.same(scene.links, [{ up: true }])
  t.same(scene.received, [])
})

t.test('a service that is away is tried again, and is there again when it is', async t => {
  const server = await startTelegram(t)
  await server.close()
  const scene = await openScene(t, { server })
  await until(() => scene.links.length > 0)
  t.match(scene.links, [{ up: false, reason: /^127\.0\.0\.1:\d+ cannot be reached or broke off \(ECONNREFUSED\)$/ }])
  await sleep(800)
  t.equal(scene.links.length, 1, 'said once')
  await server.reopen()
  server.write({ text: 'hello' })
  await until(() => scene.received.length === 1)
  t.same(scene.links.map(({ up }) => up), [false, true])
  t.equal(scene.logged.filter(line => line.includes('cannot be read')).length, 1)
})

t.test('a poll that hangs is cut, an answer that is none is no answer', async t => {
  const scene = await openScene(t, {
    keys: { pollingTimeoutSeconds: 1, timeoutSeconds: 1 },
    prepare: server => server.fail('getUpdates', { hang: true }, { status: 502, html: '<html>bad gateway</html>' }, { cut: 'before' })
  })
  scene.server.write({ text: 'hello' })
  await until(() => scene.received.length === 1)
  t.match(scene.links, [{ up: false, reason: /did not answer within 1 s/ }, { up: true }])
})

t.test('a token that is none ends the account for good, and says what to do', async t => {
  for (const token of ['123456:wrong', '777:other']) {
    const scene = await openScene(t, { keys: { botToken: token } })
    await until(() => scene.links.length > 0)
    t.match(scene.links, [{ up: false, terminal: 'logged-out', reason: /^Telegram does not know the token \(401\); get a new one from @BotFather/ }])
    await sleep(300)
    t.equal(scene.server.calls.length, 0, 'and it is not tried again')
  }
})

t.test('a token that is taken back later ends it, too', async t => {
  const scene = await openScene(t, { prepare: server => server.fail('getUpdates', { status: 401, description: '' }) })
  await until(() => scene.links.length > 0)
  t.match(scene.links, [{ terminal: 'logged-out' }])
})

t.test('two that read the same bot are told so once, wait longer each time, and go on when one is gone', async t => {
  const scene = await openScene(t, { keys: { pollingTimeoutSeconds: 30 } })
  const { server } = scene
  await server.called('getUpdates', 2)
  await until(() => server.poll !== undefined)
  await fetch(`${server.url}/bot${botToken}/getUpdates?timeout=0`)
  await until(() => scene.links.length === 2)
  t.match(scene.links[1], { up: false, reason: /another program reads this bot's messages with the same token/, terminal: undefined })
  server.write({ text: 'still read' })
  await until(() => scene.received.length === 1)
  t.match(scene.links.map(({ up }) => up), [true, false, true])
  t.equal(scene.logged.filter(line => line.includes('another program')).length, 1)
})

t.test('a webhook that somebody set is taken away when messages are asked for', async t => {
  const scene = await openScene(t, {
    keys: { pollingTimeoutSeconds: 1 },
    prepare: server => { server.webhook = { url: 'http://127.0.0.1:1/', secret: undefined, connections: 1 } }
  })
  scene.server.write({ text: 'hello' })
  await until(() => scene.received.length === 1)
  t.equal(scene.server.webhook, undefined)
  t.same(scene.links, [{ up: true }])
})

t.test('too many requests are obeyed, and the connection is none the worse', async t => {
  const scene = await openScene(t, { prepare: server => server.fail('getUpdates', { status: 429, description: 'retry after 1', parameters: { retry_after: 1 } }) })
  const beganAt = Date.now()
  await scene.server.called('getUpdates', 2)
  t.ok(Date.now() - beganAt >= 900, 'not before the time')
  await until(() => scene.links.length > 0)
  t.same(scene.links, [{ up: true }])
})

t.test('what cannot be read does not hold up what comes after it', async t => {
  const scene = await openScene(t)
  const { server } = scene
  const message = { message_id: 1, date: 1, chat: direct, from: { id: 1 } }
  for (const update of [{ message: { ...message, text: 7 } }, { message: { ...message, text: 'hey', entities: 'none' } }, { message: null }, { something: {} }]) {
    server.updates.push({ update_id: server.nextUpdateId++, ...update })
  }
  server.write({ text: 'good', chat: direct })
  await until(() => texts(scene).includes('good'))
  t.ok(scene.logged.some(line => line.includes('cannot be read; it is left out')))
})

t.test('an account that ends leaves no connection and no timer', async t => {
  const scene = await openScene(t, { keys: { pollingTimeoutSeconds: 50 } })
  await until(() => scene.server.poll !== undefined)
  await scene.account.stop()
  await until(() => scene.server.poll === undefined)
  const { length } = scene.server.calls
  await sleep(300)
  t.equal(scene.server.calls.length, length)
})
