import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { direct } from '../../../fixtures/channels/telegram-people.ts'
import { openScene, until, type Scene } from './scene.ts'

// Each has a service and an account of its own, and waits for them in real time: they wait together.
t.jobs = 8

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
