import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { slack } from '../../../../src/channels/builtin/slack/slack.ts'
import { openAccount, until } from '../../../fixtures/channels/account-scene.ts'
import { appToken, botToken } from '../../../fixtures/channels/slack-people.ts'
import { openConnected } from './scene.ts'

// Each has a service and an account of its own, and waits for them in real time: they wait together.
t.jobs = 8

t.test('what is told is acknowledged when it is kept, and not before', async t => {
  const { server, scene } = await openConnected(t)
  const { promise: kept, resolve: keep } = Promise.withResolvers<void>()
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
  scene.receive = async () => {
    ask()
    await kept
  }
  server.write({ text: 'hello' })
  await asked
  await sleep(150)
  t.same(server.acknowledged(), [])
  keep()
  await until(() => server.acknowledged().length === 1)
  t.same([server.acknowledged(), scene.received.map(({ text }) => text)], [['envelope-1'], ['hello']])
})

t.test('what cannot be kept is tried again, and holds up what comes after it', async t => {
  const { server, scene } = await openConnected(t)
  const acknowledgedBefore: number[] = []
  scene.receive = async () => {
    acknowledgedBefore.push(server.acknowledged().length)
    if (acknowledgedBefore.length < 3) throw new Error('the disk is full')
  }
  server.write({ text: 'one' })
  server.write({ text: 'two' })
  await until(() => server.acknowledged().length === 2)
  t.same(acknowledgedBefore.slice(0, 3), [0, 0, 0])
  t.same(scene.received.map(({ text }) => text), ['one', 'two'])
})

t.test('what comes again is acknowledged again and taken once', async t => {
  const { server, scene } = await openConnected(t)
  const event = server.eventOf({ type: 'message', user: 'U0ALICE', channel: 'D0ALICE', channel_type: 'im', text: 'once', ts: '1700000000.000001' })
  server.tell(event)
  server.tell(event, { retry_attempt: 1, retry_reason: 'timeout' })
  await until(() => server.acknowledged().length === 2)
  t.equal(scene.received.length, 1)
})

t.test('the next socket is there before the one that is announced to go', async t => {
  const { server, scene } = await openConnected(t)
  const [first] = server.sockets
  first!.send(JSON.stringify({ type: 'disconnect', reason: 'refresh_requested', debug_info: { host: 'applink-1' } }))
  await until(() => server.opened() === 2 && server.sockets.length === 2)
  first!.send(JSON.stringify({ type: 'events_api', envelope_id: 'last', payload: server.eventOf({ type: 'message', user: 'U0ALICE', channel: 'D0ALICE', text: 'late', ts: '1700000000.000002' }) }))
  server.write({ text: 'on the next' })
  await until(() => scene.received.length === 2)
  await until(() => server.acknowledged().length === 2)
  first!.close()
  await sleep(100)
  t.same(scene.links.filter(({ up }) => !up), [], 'nobody was ever away')
})

t.test('a socket that breaks off is followed by another one, and what was not acknowledged comes again', async t => {
  const { server, scene } = await openConnected(t)
  server.sockets[0]!.terminate()
  await until(() => scene.links.filter(({ up }) => up).length === 2)
  t.match(scene.links.map(({ up }) => up), [true, false, true])
  server.tellAgain()
  server.write({ text: 'hello' })
  await until(() => scene.received.length === 1)
})

t.test('one app is read by one account', async t => {
  const { server } = await openConnected(t)
  await t.rejects(openAccount(t, slack, { botToken, appToken, apiRoot: server.url }, 'second'), { message: /^account default reads the same app already/ })
})
