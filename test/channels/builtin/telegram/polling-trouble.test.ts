import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { botToken } from '../../../fixtures/channels/telegram-people.ts'
import { startTelegram } from '../../../fixtures/channels/telegram-server.ts'
import { openScene, until } from './scene.ts'

// Each has a service and an account of its own, and waits for them in real time: they wait together.
t.jobs = 8

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
  await Promise.all(['123456:wrong', '777:other'].map(async token => {
    const scene = await openScene(t, { keys: { botToken: token } })
    await until(() => scene.links.length > 0)
    t.match(scene.links, [{ up: false, terminal: 'logged-out', reason: /^Telegram does not know the token \(401\); get a new one from @BotFather/ }])
    await sleep(300)
    t.equal(scene.server.calls.length, 0, 'and it is not tried again')
  }))
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
  const beganAt = performance.now()
  const scene = await openScene(t, { prepare: server => server.fail('getUpdates', { status: 429, description: 'retry after 1', parameters: { retry_after: 1 } }) })
  await scene.server.called('getUpdates', 2)
  t.ok(performance.now() - beganAt >= 995, 'not before the time')
  await until(() => scene.links.length > 0)
  t.same(scene.links, [{ up: true }])
})
