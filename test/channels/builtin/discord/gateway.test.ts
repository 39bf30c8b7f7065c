import t from 'tap'
import { discord } from '../../../../src/channels/builtin/discord/discord.ts'
import { openAccount, until } from '../../../fixtures/channels/account-scene.ts'
import { direct, token } from '../../../fixtures/channels/discord-people.ts'
import { openConnected, openDiscord, opsOf } from './scene.ts'

// Each has a service and an account of its own, and waits for them in real time: they wait together.
t.jobs = 8

t.test('a session is begun, and silence of people is none of the socket', async t => {
  const { server, scene } = await openConnected(t, {}, server => { server.gateway.heartbeatMs = 2000 })
  t.match(server.gateway.frames[0], { op: 2, d: { token, intents: 37377 } })
  await until(() => opsOf(server, 1).filter(op => op === 1).length >= 2)
  t.ok(scene.activities() >= 4)
  t.same(scene.links, [{ up: true }])
  server.write({ content: 'hello' })
  await until(() => scene.received.length === 1)
  t.equal(scene.received[0]!.text, 'hello')
})

t.test('a socket that breaks off is followed by one that brings what was missed', async t => {
  const { server, scene } = await openConnected(t)
  server.write({ content: 'one' })
  await until(() => scene.received.length === 1)
  for (const socket of server.gateway.sockets) socket.terminate()
  await until(() => server.gateway.sessions.get('session-1')!.socket === undefined)
  server.write({ content: 'two' })
  await until(() => scene.received.length === 2)
  t.same(scene.received.map(({ text }) => text), ['one', 'two'])
  t.match(server.gateway.frames.filter(({ socket }) => socket === 2)[0], { op: 6, d: { session_id: 'session-1', token } })
  t.match(scene.links.map(({ up }) => up), [true, false, true])
})

t.test('a service that asks for another socket gets it, and a beat when it asks for one', async t => {
  const { server, scene } = await openConnected(t)
  const [socket] = server.gateway.sockets
  socket!.send(JSON.stringify({ op: 1 }))
  await until(() => opsOf(server, 1).includes(1))
  socket!.send(JSON.stringify({ op: 7 }))
  await until(() => scene.links.filter(({ up }) => up).length === 2)
  t.same(opsOf(server, 2), [6])
})

t.test('a service that answers no heartbeat is gone, and the session goes on elsewhere', async t => {
  const { server, scene } = await openConnected(t, {}, server => {
    server.gateway.heartbeatMs = 2000
    server.gateway.greetings.push('deaf')
  })
  await until(() => scene.links.filter(({ up }) => up).length === 2)
  t.match(scene.links[1], { up: false, reason: 'Discord left a heartbeat without an answer' })
  t.same(opsOf(server, 2)[0], 6)
})

t.test('what was read stays read when the gateway is started again, and the session goes on', async t => {
  const { server, scene } = await openConnected(t)
  server.write({ content: 'one' })
  await until(() => scene.received.length === 1)
  await scene.account.stop()
  server.write({ content: 'two' })
  await scene.again()
  await until(() => scene.received.length === 2)
  t.same(scene.received.map(({ text }) => text), ['one', 'two'])
  t.match(server.gateway.frames.filter(({ socket }) => socket === 2)[0], { op: 6, d: { session_id: 'session-1' } })
})

t.test('what cannot be kept is not read, and holds up what comes after it', async t => {
  const { server, scene } = await openConnected(t)
  let tries = 0
  scene.receive = async () => { if (++tries < 3) throw new Error('the disk is full') }
  server.write({ content: 'one' })
  server.write({ content: 'two' })
  await until(() => tries === 1)
  t.equal((scene.memory.session as { seq: number }).seq, 1, 'a new start would be told again')
  await until(() => scene.received.length === 2)
  t.same(scene.received.map(({ text }) => text), ['one', 'two'])
  t.equal(scene.logged.filter(line => line.includes('could not be taken in')).length, 1)
})

t.test('an account that ends while nothing answers leaves no socket behind', async t => {
  const { server, scene } = await openDiscord(t, {}, server => server.gateway.greetings.push('silent'))
  const isOpen = (): boolean => [...server.gateway.sockets].some(({ readyState }) => readyState === 1)
  await until(isOpen)
  await scene.account.stop()
  await until(() => !isOpen())
  t.same(scene.links, [])
})

t.test('one bot is read by one account', async t => {
  const { server } = await openConnected(t)
  await t.rejects(openAccount(t, discord, { token, apiRoot: server.url }, 'second'), {
    message: 'account default reads the same bot already; give second one of its own'
  })
})

t.test('direct messages can be left alone', async t => {
  const { server, scene } = await openConnected(t, { dm: { enabled: false } })
  server.write({ content: 'private', channel_id: direct.id })
  server.writeInGuild({ content: 'public' })
  await until(() => scene.received.length === 1)
  t.equal(scene.received[0]!.text, 'public')
})
