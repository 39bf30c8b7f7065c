import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { slack } from '../../../../src/channels/builtin/slack/slack.ts'
import { openAccount, until } from '../../../fixtures/channels/account-scene.ts'
import { appToken, botToken, self } from '../../../fixtures/channels/slack-people.ts'
import { startSlack } from '../../../fixtures/channels/slack-server.ts'
import { openConnected, openSlack } from './scene.ts'

// Each has a service and an account of its own, and waits for them in real time: they wait together.
t.jobs = 8

const secrets = new RegExp(`${botToken}|${appToken}|secret-ticket`)

t.test('a silent socket is given up, a quiet conversation is not', async t => {
  const { server, scene } = await openConnected(t, { socketMode: { clientPingTimeout: 600 } }, server => server.greetings.push('deaf'))
  await until(() => scene.links.filter(({ up }) => up).length === 2)
  t.match(scene.links[1], { up: false, reason: 'Slack was silent for 0.6 s' })
  const before = scene.activities()
  await sleep(1500)
  t.equal(server.opened(), 2, 'the second one answers pings, although nobody writes')
  t.ok(scene.activities() > before)
})

t.test('Socket Mode that is switched off, and tokens that are none, end the account for good', async t => {
  const off = await openSlack(t, {}, server => server.greetings.push({ type: 'hello' }))
  await until(() => off.server.sockets.length === 1)
  off.server.sockets[0]!.send(JSON.stringify({ type: 'disconnect', reason: 'link_disabled' }))
  await until(() => off.scene.links.some(({ terminal }) => terminal !== undefined))
  t.match(off.scene.links.at(-1), { terminal: 'misconfigured', reason: /switch it on at https:\/\/api\.slack\.com\/apps/ })
  await Promise.all([{ botToken: 'xoxb-other' }, { appToken: 'xapp-1-other' }].map(async keys => {
    const { server, scene } = await openSlack(t, keys)
    await until(() => scene.links.length > 0)
    t.match(scene.links, [{ up: false, terminal: 'logged-out', reason: /does not take the token any more \(invalid_auth\)/ }])
    await sleep(700)
    t.equal(server.opened(), 0)
  }))
  const scope = await openSlack(t, {}, server => {
    server.fail('apps.connections.open', { status: 200, body: { ok: false, error: 'missing_scope', needed: 'connections:write' } })
  })
  await until(() => scope.scene.links.length > 0)
  t.match(scope.scene.links, [{ terminal: 'misconfigured', reason: /missing_scope \(connections:write\)/ }])
})

t.test('an account that ends while nothing answers leaves no socket behind', async t => {
  const { server, scene } = await openSlack(t, {}, server => server.greetings.push('silent'))
  await until(() => server.sockets.length === 1)
  await scene.account.stop()
  await until(() => server.sockets.length === 0)
  t.same(scene.links, [])
})

t.test('an app that is removed ends the account for good, tokens of people do not', async t => {
  const { server, scene } = await openConnected(t)
  server.tell({ type: 'tokens_revoked', tokens: { oauth: ['U0ALICE'], bot: [] } })
  server.write({ text: 'still here' })
  await until(() => scene.received.length === 1)
  server.tell({ type: 'tokens_revoked', tokens: { bot: [self.userId] } })
  await until(() => scene.links.some(({ terminal }) => terminal === 'logged-out'))
})

t.test('a service that is away, hangs or says nothing useful is tried again, and no sentence holds a secret', async t => {
  const server = await startSlack(t)
  const { url } = server
  await server.close()
  const scene = await openAccount(t, slack, { botToken, appToken, apiRoot: url, timeoutSeconds: 1 })
  await until(() => scene.links.length > 0)
  t.match(scene.links, [{ up: false, reason: /cannot be reached or broke off \(ECONNREFUSED\)$/ }])
  server.fail('apps.connections.open', { hang: true }, { status: 200, body: { ok: true, url: 'http://127.0.0.1:1/' } })
  await server.reopen()
  await until(() => scene.links.some(({ up }) => up))
  t.equal(scene.logged.filter(line => line.includes('cannot be read')).length, 1, 'said once')
  server.socketUrl = 'ws://127.0.0.1:1/?ticket=secret-ticket'
  server.sockets[0]!.terminate()
  await until(() => scene.links.at(-1)?.up === false)
  await sleep(300)
  t.notMatch(JSON.stringify([scene.links, scene.logged]), secrets)
})

t.test('other envelopes are acknowledged, frames that are none are nothing', async t => {
  const { server, scene } = await openConnected(t)
  const [socket] = server.sockets
  for (const frame of ['no json', '[]', 'null', '{"type":"x"}', '{"type":"events_api","envelope_id":"broken","payload":{"event":{"type":"message","channel":5}}}']) socket!.send(frame)
  socket!.send(JSON.stringify({ type: 'slash_commands', envelope_id: 'command', accepts_response_payload: true, payload: { command: '/openclaw' } }))
  socket!.send(JSON.stringify({ type: 'interactive', envelope_id: 'button', payload: {} }))
  await until(() => server.said.length === 3)
  t.match(server.said.find(({ envelope_id: id }) => id === 'command'), { payload: { text: /^Write a message instead/ } })
  t.same(scene.received, [])
})
