import t from 'tap'
import { slack } from '../../../../src/channels/builtin/slack/slack.ts'
import { callHook, openAccount } from '../../../fixtures/channels/account-scene.ts'
import { alice, botToken, general, signingSecret } from '../../../fixtures/channels/slack-people.ts'
import { signed, startSlack } from '../../../fixtures/channels/slack-server.ts'
import { openWebhook } from './scene.ts'

// Each has a service and an account of its own, and waits for them in real time: they wait together.
t.jobs = 8

const message = { type: 'message', user: alice.id, channel: general.id, channel_type: 'channel', text: 'hello', ts: '1700000000.000100' }

t.test('whoever enters the address is given back the challenge, if it is Slack', async t => {
  const { scene } = await openWebhook(t)
  const asked = { token: 'legacy', challenge: '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P', type: 'url_verification' }
  t.same(await callHook(scene, signed(asked)), { status: 200, body: { challenge: asked.challenge } })
  t.match(await callHook(scene, signed(asked, { secret: 'other' })), { status: 401 })
  t.match(await callHook(scene, { body: Buffer.from(JSON.stringify(asked)) }), { status: 401 })
  t.match(await callHook(scene, { ...signed(asked), method: 'GET' }), { status: 405 })
})

t.test('a signature that is old, is of another body, or is none is refused, and nothing is taken', async t => {
  const { server, scene } = await openWebhook(t)
  const event = server.eventOf(message)
  const good = signed(event)
  t.match(await callHook(scene, signed(event, { atMs: Date.now() - 400_000 })), { status: 401 })
  t.match(await callHook(scene, signed(event, { atMs: Date.now() + 400_000 })), { status: 401 })
  t.match(await callHook(scene, { ...good, body: Buffer.from(`${good.body!.toString()} `) }), { status: 401 })
  t.match(await callHook(scene, { ...good, headers: { ...good.headers, 'x-slack-request-timestamp': '1e9' } }), { status: 401 })
  t.match(await callHook(scene, signed('x'.repeat(1024 * 1024 + 1))), { status: 413 })
  t.match(await callHook(scene, signed('no json')), { status: 400 })
  t.same(scene.received, [])
  t.match(await callHook(scene, good), { status: 200 })
  t.equal(scene.received.length, 1)
})

t.test('an event that comes again, or is said again by somebody else, is taken once', async t => {
  const { server, scene } = await openWebhook(t)
  const event = server.eventOf(message)
  const calls = [signed(event), signed(event), signed(event, { headers: { 'x-slack-retry-num': '1', 'x-slack-retry-reason': 'http_timeout' } })]
  for (const { status } of await Promise.all(calls.map(async call => await callHook(scene, call)))) t.equal(status, 200)
  t.equal(scene.received.length, 1)
})

t.test('what is not kept is not accepted, and taken when it comes again', async t => {
  const { server, scene } = await openWebhook(t)
  let isBroken = true
  scene.receive = async () => { if (isBroken) throw new Error('the disk is full') }
  const event = server.eventOf(message)
  t.match(await callHook(scene, signed(event)), { status: 503 })
  isBroken = false
  t.match(await callHook(scene, signed(event)), { status: 200 })
  t.equal(scene.received.length, 1)
})

t.test('what takes too long is answered in time, and not taken twice when it comes again', async t => {
  const { server, scene } = await openWebhook(t)
  const { promise: kept, resolve: keep } = Promise.withResolvers<void>()
  scene.receive = async () => await kept
  const event = server.eventOf(message)
  t.match(await callHook(scene, signed(event)), { status: 503 })
  keep()
  t.match(await callHook(scene, signed(event)), { status: 200 })
  t.equal(scene.received.length, 1)
})

t.test('an account without a socket says nothing of one, and one whose token is none does not start', async t => {
  const { scene } = await openWebhook(t)
  t.same(scene.links, [])
  const server = await startSlack(t)
  const links: unknown[] = []
  const dud = { ...slack, start: async (context: Parameters<typeof slack.start>[0]) => await slack.start({ ...context, disconnected: why => { links.push(why) } }) }
  await t.rejects(openAccount(t, dud, { mode: 'http', botToken: 'xoxb-other', signingSecret, apiRoot: server.url }), { message: /invalid_auth/ })
  t.match(links, [{ terminal: 'logged-out' }])
  const broken = { ...slack }
  await t.rejects(openAccount(t, broken, { mode: 'http', botToken: 'xoxp', signingSecret, apiRoot: server.url }), { message: /botToken is another kind of token: it looks like xoxb-/ })
  t.match(slack.missing({}, 'default'), /^set channels\.slack\.botToken/)
  t.match(slack.missing({ botToken }, 'work'), /^set channels\.slack\.accounts\.work\.appToken/)
  t.match(slack.missing({ mode: 'http', botToken }, 'default'), /^set channels\.slack\.signingSecret/)
  t.equal(slack.missing({ mode: 'http', botToken, signingSecret: { source: 'env', id: 'SLACK_SECRET' } }, 'default'), undefined)
})
