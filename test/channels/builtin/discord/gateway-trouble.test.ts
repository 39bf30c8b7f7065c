import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { discord } from '../../../../src/channels/builtin/discord/discord.ts'
import { openAccount, until } from '../../../fixtures/channels/account-scene.ts'
import { token } from '../../../fixtures/channels/discord-people.ts'
import { startDiscord } from '../../../fixtures/channels/discord-server.ts'
import { openConnected, openDiscord, opsOf } from './scene.ts'

// Each has a service and an account of its own, and waits for them in real time: they wait together.
t.jobs = 8

t.test('a session that is forgotten is begun anew, and what was written meanwhile is asked for', async t => {
  const { server, scene } = await openConnected(t)
  server.write({ content: 'one' })
  server.writeInGuild({ content: 'in the guild' })
  await until(() => scene.received.length === 2)
  for (const socket of server.gateway.sockets) socket.terminate()
  server.gateway.sessions.clear()
  server.write({ content: 'two' })
  server.writeInGuild({ content: 'three' })
  await until(() => scene.received.length === 4)
  t.same(scene.received.map(({ text }) => text), ['one', 'in the guild', 'two', 'three'])
  t.match(scene.received[3], { sender: { name: 'Ally', roles: ['200000000000000801'] }, chat: { kind: 'channel', spaceId: '200000000000000001' } })
  t.match(scene.links.map(({ up }) => up), [true, false, true])
})

t.test('a token that is none, and settings that only a person can change, end the account for good', async t => {
  const cases: ReadonlyArray<readonly [number, string, RegExp]> = [
    [4004, 'logged-out', /does not know the token \(4004\)/],
    [4014, 'misconfigured', /switch on "Message Content Intent"/],
    [4013, 'misconfigured', /intent/],
    [4011, 'misconfigured', /too many servers/]
  ]
  await Promise.all(cases.map(async ([close, terminal, reason]) => {
    const { server, scene } = await openDiscord(t, {}, server => server.gateway.greetings.push({ close }))
    await until(() => scene.links.some(link => link.terminal !== undefined))
    t.match(scene.links.at(-1), { up: false, terminal, reason })
    await sleep(700)
    t.equal(server.gateway.sockets.size, 1, 'and it is not tried again')
  }))
  const { server, scene } = await openDiscord(t, { token: `${token}x` })
  await until(() => scene.links.length > 0)
  t.match(scene.links, [{ terminal: 'logged-out', reason: /^Discord does not know the token \(401\)/ }])
  t.equal(server.gateway.sockets.size, 0)
  t.notMatch(JSON.stringify([scene.links, scene.logged]), token)
})

t.test('a service that is away, refuses or says nothing useful is tried again', async t => {
  const server = await startDiscord(t)
  const { url } = server
  await server.close()
  const scene = await openAccount(t, discord, { token, apiRoot: url })
  await until(() => scene.links.length > 0)
  t.match(scene.links, [{ up: false, reason: /cannot be reached or broke off \(ECONNREFUSED\)$/ }])
  server.fail('GET /gateway/bot', { status: 502, html: '<html>bad gateway</html>' })
  server.gateway.greetings.push({ close: 4000 })
  await server.reopen()
  await until(() => scene.links.some(({ up }) => up))
  t.equal(scene.logged.filter(line => line.includes('cannot be read')).length, 1, 'said once')
  t.notMatch(JSON.stringify([scene.links, scene.logged]), token)
})

t.test('an invalid session that may be resumed is, and frames that are none are nothing', async t => {
  const { server, scene } = await openConnected(t)
  for (const socket of server.gateway.sockets) {
    for (const frame of ['no json', '[]', 'null', '{"op":"x"}', '{"op":0}', '{"op":0,"t":"MESSAGE_CREATE","d":null,"s":3}']) socket.send(frame)
  }
  server.write({ content: 'hello' })
  await until(() => scene.received.length === 1)
  server.gateway.greetings.push({ invalid: true })
  for (const socket of server.gateway.sockets) socket.terminate()
  await until(() => scene.links.filter(({ up }) => up).length === 2)
  t.same([opsOf(server, 2), opsOf(server, 3)], [[6], [6]])
})
