import t from 'tap'
import { makeHome, startDaemon } from '../fixtures/daemon.ts'
import { eventually } from '../fixtures/eventually.ts'
import type { TestGateway } from '../helper.ts'
import { becomes, call, cancel, echo, listen, openGateway, post, send, status } from './gateway-scene.ts'

const slow = (words: number): string => `/slow 20\n/words ${words}`
/** Goes on until the test ends it, however slow this machine is. */
const endless = '/slow 50\n/words 5000'

t.test('messages of one session are answered one after the other in their order, each with its own reply', async t => {
  const gateway = await openGateway(t)
  const order: string[] = []
  const holding = await listen(gateway, { from: 'a', text: endless, request_id: 'holder' })
  await holding.hears('message.delta')
  const replies: Array<Promise<void>> = []
  for (const text of ['one', 'two', 'three']) {
    replies.push(send(gateway, { from: 'a', text, request_id: text }).then(({ body }) => { order.push(body.reply) }))
    await becomes(gateway, text, 'queued')
  }
  t.match((await status(gateway, 'two')).body, { status: 'queued', SessionKey: { AppName: 'openclaw', UserID: 'a', SessionID: 'http:dm:a' } })
  t.equal((await send(gateway, { from: 'b', text: 'other' })).body.reply, echo('other'), 'another session does not wait')
  t.equal(order.length, 0)
  await cancel(gateway, 'holder')
  await Promise.all(replies)
  t.same(order, ['one', 'two', 'three'].map(echo))
  const users = (await gateway.gateway.rooms.sessions.lines.tail('agent:main:http:dm:a', { limit: 50 }))
    .flatMap(({ value }) => value.type === 'message' ? [value.message.role] : [])
  t.same(users, ['user', 'assistant', 'user', 'assistant', 'user', 'assistant', 'user', 'assistant'])
  await eventually(() => gateway.gateway.rooms.runs.stats().sessions, sessions => sessions === 0)
  t.pass('and nothing is left of the lanes')
})

t.test('more waiting messages than a session takes are refused with the time to come back', async t => {
  const gateway = await openGateway(t, {}, { config: { messages: { queue: { cap: 2, drop: 'old' } } } })
  const holding = await listen(gateway, { from: 'a', text: endless, request_id: 'holder' })
  await holding.hears('message.delta')
  const waiting = ['q1', 'q2'].map(id => send(gateway, { from: 'a', text: id, request_id: id }))
  await becomes(gateway, 'q1', 'queued')
  await becomes(gateway, 'q2', 'queued')
  for (const path of ['/v1/gateway/messages', '/v1/gateway/messages:stream']) {
    const { status: code, headers, body } = await post(gateway, path, { from: 'a', text: 'too much', request_id: 'q3' })
    t.equal(code, 429)
    t.equal(headers.get('retry-after'), '2')
    t.match(body, { error: { type: 'rate_limited', code: 'TOO_MANY_REQUESTS' }, request_id: 'q3' })
  }
  t.equal((await status(gateway, 'q3')).status, 404)
  await cancel(gateway, 'holder')
  t.same((await Promise.all(waiting)).map(({ body }) => body.reply), ['q1', 'q2'].map(echo))
})

t.test('a waiting request can be taken back, and its caller hears of it', async t => {
  const gateway = await openGateway(t)
  const holding = await listen(gateway, { from: 'a', text: endless, request_id: 'holder' })
  await holding.hears('message.delta')
  const waiting = send(gateway, { from: 'a', text: 'never mind', request_id: 'w' })
  await becomes(gateway, 'w', 'queued')
  const listening = await listen(gateway, { from: 'a', text: 'nor this', request_id: 's' })
  await becomes(gateway, 's', 'queued')
  t.same((await cancel(gateway, 'w')).body, { canceled: true, request_id: 'w' })
  t.same((await cancel(gateway, 's')).body.canceled, true)
  t.match(await waiting, { status: 499, body: { error: { type: 'canceled' }, request_id: 'w' } })
  await listening.ended
  t.same(listening.told.map(({ event }) => event), ['run.canceled'])
  t.match(await becomes(gateway, 'w', 'canceled'), { SessionKey: { SessionID: 'http:dm:a' } })
  await cancel(gateway, 'holder')
  t.equal((await send(gateway, { from: 'a', text: 'nor this', request_id: 's' })).status, 499, 'a retry hears the same')
})

t.test('status and cancel say what is missing, unknown and over', async t => {
  const gateway = await openGateway(t)
  for (const path of ['', '?request_id=', '?request_id=%20', '?request_id=a&request_id=b']) {
    const { status: code, body } = await call(gateway, `/v1/gateway/status${path}`)
    t.equal(code, 400, path)
    t.match(body.error, { type: 'invalid_request', message: 'missing request_id' })
  }
  t.match(await status(gateway, 'nobody'), { status: 404, body: { error: { type: 'not_found' } } })
  t.match((await post(gateway, '/v1/gateway/cancel', {})).body.error, { type: 'invalid_request', message: 'missing request_id' })
  t.match((await post(gateway, '/v1/gateway/cancel', '{')).body.error, { type: 'invalid_request', message: /^decode json: / })
  t.same((await cancel(gateway, 'nobody')).body, { canceled: false, request_id: 'nobody' })
  await send(gateway, { from: 'a', text: 'x', request_id: 'over' })
  const { body } = await status(gateway, 'over')
  t.match(body, {
    RequestID: 'over', InvocationID: 'over', AgentName: 'main', EventCount: Number, StartedAt: /^20\d\d-/, LastEventAt: /^20\d\d-/,
    request_id: 'over', session_id: 'http:dm:a', user_id: 'a', status: 'succeeded', reply: echo('x'), usage: { total_tokens: Number }
  })
  t.same((await cancel(gateway, 'over')).body.canceled, false)
})

t.test('the same request at the same time is one run, and later hears the same reply', async t => {
  const gateway = await openGateway(t)
  const message = { from: 'a', text: slow(5), request_id: 'r' }
  const [first, second] = await Promise.all([send(gateway, message), send(gateway, message)])
  t.same(second.body, first.body)
  t.same((await send(gateway, message)).body, first.body)
  const lines = await gateway.gateway.rooms.sessions.lines.tail('agent:main:http:dm:a', { limit: 10 })
  t.equal(lines.length, 2)
  for (const changed of [{ ...message, text: 'other' }, { ...message, from: 'b' }, { ...message, thread: 't' }]) {
    const { status: code, body } = await send(gateway, changed)
    t.equal(code, 409)
    t.match(body, { error: { type: 'conflict', code: 'IDEMPOTENCY_CONFLICT' }, request_id: 'r' })
  }
})

t.test('a webhook that repeats its message id is answered once, in each conversation', async t => {
  const gateway = await openGateway(t)
  const first = await send(gateway, { from: 'a', text: 'x', message_id: '17' })
  t.same((await send(gateway, { from: 'a', text: 'x', message_id: '17' })).body, first.body)
  t.equal((await status(gateway, first.body.request_id)).body.status, 'succeeded')
  const other = await send(gateway, { from: 'b', text: 'x', message_id: '17' })
  t.not(other.body.request_id, first.body.request_id)
  t.equal((await send(gateway, { from: 'a', text: 'y', message_id: '17' })).status, 409)
  t.equal((await gateway.gateway.rooms.sessions.lines.tail('agent:main:http:dm:a', { limit: 10 })).length, 2)
})

t.test('a request that failed is tried again when it is sent again', async t => {
  let now = Date.now()
  const gateway = await openGateway(t, {}, { now: () => now })
  const message = { from: 'a', text: '/fail rate_limit', request_id: 'f' }
  t.equal((await send(gateway, message)).status, 500)
  now += 1000
  t.equal((await send(gateway, message)).status, 500)
  const lines = await gateway.gateway.rooms.sessions.lines.tail('agent:main:http:dm:a', { limit: 20 })
  t.equal(lines.filter(({ value }) => value.type === 'message' && value.message.role === 'user').length, 2)
  t.equal((await status(gateway, 'f')).body.status, 'failed')
})

t.test('a reply that is too long to be remembered is whole for whoever asks again', async t => {
  const gateway = await openGateway(t)
  const message = { from: 'a', text: '/words 9000', request_id: 'long' }
  const first = await send(gateway, message)
  t.ok(first.body.reply.length > 60_000)
  // Pushed out of what this process holds.
  for (let index = 0; index < 70; index++) await send(gateway, { from: 'b', text: 'x', request_id: `n${index}` })
  t.equal((await send(gateway, message)).body.reply, first.body.reply)
  t.equal((await status(gateway, 'long')).body.reply, first.body.reply)
})

t.test('what was accepted outlives a gateway that is killed, and is answered once', async t => {
  const token = 'kill-token-0123456789abcdef0123456789abcdef'
  const home = await makeHome(t, { gateway: { mode: 'local', auth: { mode: 'token', token }, dataPlane: { ownerUsers: ['*'] } } })
  const gateway = { http: `http://127.0.0.1:${home.port}` } as TestGateway
  const headers = { authorization: `Bearer ${token}` }
  const first = await startDaemon(t, home)
  const message = { from: 'a', text: slow(60), request_id: 'k', detach: true }
  const lost = send(gateway, message, headers).catch(() => 'lost')
  await eventually(async () => (await call(gateway, '/v1/gateway/status?request_id=k', { headers })).body.status, status => status === 'running')
  const done = await send(gateway, { from: 'b', text: 'before', request_id: 'b' }, headers)
  await first.stop('SIGKILL')
  t.equal(await lost, 'lost')
  await startDaemon(t, home)
  const { status: code, body } = await send(gateway, message, headers)
  t.equal(code, 200)
  t.match(body, { request_id: 'k', session_id: 'http:dm:a', reply: /word60$/ })
  t.same((await send(gateway, { from: 'b', text: 'before', request_id: 'b' }, headers)).body, done.body)
  t.equal((await send(gateway, { from: 'b', text: 'changed', request_id: 'b' }, headers)).status, 409)
  const history = await call(gateway, '/api/sessions/agent%3Amain%3Ahttp%3Adm%3Aa/history', { headers })
  t.same(history.body.messages.map(({ role }: { role: string }) => role), ['user', 'assistant'])
})
