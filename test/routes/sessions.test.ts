import { connect as tcpConnect } from 'node:net'
import { once } from 'node:events'
import { randomUUID } from 'node:crypto'
import t from 'tap'
import { eventually } from '../fixtures/eventually.ts'
import type { TestGateway } from '../helper.ts'
import { admitted, closeClient } from '../helper.ts'
import { call, echo, listen, openGateway, post, stream } from './gateway-scene.ts'

const say = (gateway: TestGateway, key: string, body: unknown, headers?: { [name: string]: string }) =>
  post(gateway, `/api/sessions/${key}/messages`, body, headers)

t.test('a message to a session is answered with the reply, as the examples send it', async t => {
  const gateway = await openGateway(t)
  const { status, headers, body } = await say(gateway, 'main', { role: 'user', content: 'Check if there are any security updates available' })
  t.equal(status, 200)
  t.equal(headers.get('cache-control'), 'no-store')
  t.match(body, {
    ok: true,
    runId: /^[0-9a-f-]{36}$/,
    sessionKey: 'agent:main:main',
    sessionId: String,
    agentId: 'main',
    message: { role: 'assistant', content: echo('Check if there are any security updates available') },
    usage: { output: 15 }
  })
})

t.test('who accepts an event stream gets the reply as it comes', async t => {
  const gateway = await openGateway(t)
  const told = await stream(gateway, { role: 'user', content: 'Hello' }, { accept: 'text/event-stream' }, '/api/sessions/main/messages')
  t.same(told.map(({ event }) => event).filter(name => name !== 'message.delta'), ['run.started', 'run.progress', 'message.completed', 'run.completed'])
  t.equal(told.filter(({ event }) => event === 'message.delta').map(({ data }) => data.delta).join(''), echo('Hello'))
  for (const { event, data } of told) t.match(data, { type: event, runId: String, sessionKey: 'agent:main:main' })
})

t.test('content may be parts, and what is none is refused by its place', async t => {
  const gateway = await openGateway(t)
  const text = { type: 'text', text: 'a' }
  t.equal((await say(gateway, 'main', { content: [text, { type: 'text', text: 'b' }] })).body.message.content, echo('a\nb'))
  const cases: Array<[unknown, RegExp]> = [
    [{}, /content must be/], [[], /the body must be a JSON object/], [{ content: ' ' }, /the message is empty/], [{ role: 'system', content: 'x' }, /role must be "user"/],
    [{ content: [text, { type: 'poem' }] }, /content\[1\] must be/], [{ content: 'x', timeoutMs: 0 }, /timeoutMs/], [{ content: 'x', thinking: 7 }, /thinking must be a text/],
    [{ content: 'x', idempotencyKey: 'k'.repeat(600) }, /idempotencyKey must be a text/]
  ]
  for (const [body, message] of cases) {
    const { status, body: answer } = await say(gateway, 'main', body)
    t.equal(status, 400)
    t.match(answer.error, { type: 'invalid_request_error', message })
  }
  t.equal((await say(gateway, 'main', 'content=x', { 'content-type': 'application/x-www-form-urlencoded' })).status, 415)
})

t.test('keys with colons and slashes are named by encoded segments', async t => {
  const gateway = await openGateway(t)
  for (const [segment, key] of [['agent%3Amain%3Adesk', 'agent:main:desk'], ['agent:main:desk', 'agent:main:desk'], ['notes%2Fmay', 'agent:main:notes/may']]) {
    t.equal((await say(gateway, segment!, { content: 'x' })).body.sessionKey, key)
  }
  t.equal((await call(gateway, '/api/sessions/notes%2Fmay')).body.session.key, 'agent:main:notes/may')
  for (const segment of ['..%2fmain', '%2e%2e', 'a%252fb', 'agent%3Amain%3A..%2Fx', 'a%00b', '%2Fmain', 'x'.repeat(513)]) {
    const { status } = await say(gateway, segment, { content: 'x' })
    t.ok(status === 400 || status === 404, `${segment} ${status}`)
  }
  t.equal([...gateway.gateway.rooms.sessions.records()].length, 2)
})

t.test('no spelling of a path reaches an answer without a credential', async t => {
  const gateway = await openGateway(t)
  await say(gateway, 'main', { content: 'the secret word' })
  const paths = [
    '/api/sessions', '/api/sessions/', '/API/sessions', '/Api/Sessions/main', '//api/sessions', '/api//sessions', '/api/sessions//main', '/api/./sessions/main',
    '/api/x/../sessions/main', '/api/sessions/main/history', '/api/sessions/main%2fhistory', '/api/sessions%2fmain%2fhistory', '/api%2fsessions/main', '/%61pi/sessions',
    '/api/sessions/main;x=1/history', '/api/sessions/..;/sessions/main/history', '/..;/api/sessions/main/history', '/healthz/../api/sessions', '/healthz/..;/api/sessions',
    '/health%2f..%2fapi/sessions', '/api/sessions/main/history%00', '/api/sessions/main/history?x=/health', '/api/sessions/main/history#/health', '\\api\\sessions',
    '/sessions/main/history', '/sessions//main/history', '/sessions/agent:main:main/history', '/SESSIONS/main/history', '/sessions/main/history/', '/sessions/main/kill',
    '/v1/gateway/status?request_id=x', '/v1//gateway/status?request_id=x', '/V1/gateway/status?request_id=x', '/v1/gateway/status;/?request_id=x',
    '/v1/gateway%2fstatus?request_id=x', '/v1/gateway/messages:stream', '/v1/gateway/messages%3Astream', '/v1/gateway/messages', '/v1/gateway/%6dessages'
  ]
  for (const method of ['GET', 'POST', 'DELETE']) {
    for (const path of paths) {
      const socket = tcpConnect(gateway.port, '127.0.0.1')
      const body = '{"content":"x","from":"a","text":"x"}'
      socket.end(`${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
      let text = ''
      socket.on('data', chunk => { text += String(chunk) })
      socket.on('error', () => {})
      await once(socket, 'close')
      t.match(text, /^HTTP\/1\.1 (?:40[0145]|415)/, `${method} ${path}`)
      t.notMatch(text, /secret word|"ok":true|sessionId/)
    }
  }
  t.equal([...gateway.gateway.rooms.sessions.records()].length, 1)
})

t.test('sessions are listed, shown and read, page by page', async t => {
  const gateway = await openGateway(t)
  for (const text of ['one', 'two', 'three']) await say(gateway, 'desk', { content: text })
  await say(gateway, 'main', { content: 'x' })
  const list = await call(gateway, '/api/sessions?limit=1&includeLastMessage=true')
  t.match(list.body, { totalCount: 2, hasMore: true, sessions: [{ key: 'agent:main:main' }] })
  t.match((await call(gateway, '/api/sessions?search=desk')).body.sessions, [{ key: 'agent:main:desk' }])
  t.match((await call(gateway, '/api/sessions/desk')).body, { session: { key: 'agent:main:desk', status: 'done' }, activeRuns: [], pendingRuns: [] })
  for (const root of ['/api/sessions', '/sessions']) {
    const first = (await call(gateway, `${root}/desk/history?limit=4`)).body
    t.match(first, { sessionKey: 'desk', sessionId: String, hasMore: true, totalMessages: 6 })
    t.same(first.items, first.messages)
    t.equal(first.messages.length, 4)
    const second = (await call(gateway, `${root}/desk/history?limit=4&cursor=${first.nextCursor}`)).body
    t.match(second, { hasMore: false })
    t.equal(second.nextCursor, undefined)
    t.same([...second.messages, ...first.messages].filter(({ role }) => role === 'user').map(({ content }) => content), ['one', 'two', 'three'])
  }
  for (const path of ['/api/sessions/nobody', '/api/sessions/nobody/history', '/sessions/nobody/history']) {
    t.match(await call(gateway, path), { status: 404, body: { error: { type: 'not_found', code: 'SESSION_UNKNOWN' } } })
  }
  for (const path of ['/api/sessions?limit=0', '/api/sessions?limit=x', '/api/sessions?sortBy=name', '/api/sessions?archived=maybe', '/api/sessions?search=a&search=b', '/api/sessions/desk/history?cursor=-1']) {
    t.equal((await call(gateway, path)).status, 400, path)
  }
})

t.test('a run is stopped by its session, by its id, and by leaving', async t => {
  const gateway = await openGateway(t)
  const slow = { role: 'user', content: '/slow 30\n/words 5000' }
  const events = { accept: 'text/event-stream' }
  const path = '/api/sessions/desk/messages'
  const first = await listen(gateway, slow, events, path)
  await first.hears('message.delta')
  t.match((await call(gateway, '/api/sessions/desk')).body.activeRuns, [{ runId: first.told[0]!.data.runId }])
  t.match((await post(gateway, '/api/sessions/other/abort', { runId: first.told[0]!.data.runId })).body, { aborted: false, runIds: [] })
  t.match((await post(gateway, '/api/sessions/desk/abort', { runId: first.told[0]!.data.runId })).body, { ok: true, aborted: true })
  await first.ended
  t.equal(first.told.at(-1)!.event, 'run.canceled')
  const waiting = say(gateway, 'desk', slow)
  const active = async (): Promise<number> => (await call(gateway, '/api/sessions/desk')).body.activeRuns.length
  await eventually(active, runs => runs > 0)
  t.match((await call(gateway, '/sessions/desk/kill', { method: 'POST' })).body, { ok: true, killed: true })
  t.match(await waiting, { status: 499, body: { error: { type: 'canceled' } } })
  const left = await listen(gateway, slow, events, path)
  await left.hears('message.delta')
  left.request.destroy()
  await eventually(active, runs => runs === 0)
  t.match((await say(gateway, 'desk', { content: '/stop' })).body, { ok: true, aborted: false })
  t.equal((await call(gateway, '/sessions/nobody/kill', { method: 'POST' })).status, 404)
  const typed = { method: 'POST', headers: { 'content-type': 'application/json' } }
  t.match((await call(gateway, '/sessions/desk/kill', typed)).body, { ok: true, killed: false }, 'the type of a body that is not there')
  t.match((await call(gateway, '/api/sessions/desk/abort', typed)).body, { ok: true, aborted: false })
})

t.test('the same key is the same message, by header or by field', async t => {
  const gateway = await openGateway(t)
  const first = await say(gateway, 'main', { content: 'x' }, { 'idempotency-key': 'k1' })
  t.same((await say(gateway, 'main', { content: 'x', idempotencyKey: 'k1' })).body, first.body)
  t.equal((await say(gateway, 'main', { content: 'y', idempotencyKey: 'k1' })).status, 409)
  t.equal((await say(gateway, 'desk', { content: 'x', idempotencyKey: 'k1' })).status, 409)
  t.match(await say(gateway, 'main', { content: '/fail auth' }), { status: 500, body: { error: { code: 'RUN_FAILED', type: 'internal_error', message: /auth/ } } })
})

t.test('each route gives the verdict of the method that does the same, whatever the scope', async t => {
  const gateway = await openGateway(t, {}, { config: { gateway: { auth: { mode: 'none', token: undefined } } } })
  const open = { authorization: '' }
  await say(gateway, 'main', { content: 'x' }, open)
  const twins: Array<[string, string, object, string, object]> = [
    ['GET', '/api/sessions', {}, 'sessions.list', {}], ['GET', '/api/sessions/main', {}, 'sessions.describe', { key: 'main' }],
    ['GET', '/api/sessions/main/history', {}, 'chat.history', { sessionKey: 'main' }], ['GET', '/sessions/main/history', {}, 'chat.history', { sessionKey: 'main' }],
    ['POST', '/api/sessions/main/messages', { content: 'x' }, 'chat.send', { sessionKey: 'main', message: 'x' }],
    ['POST', '/api/sessions/main/messages', { content: '/new' }, 'chat.send', { sessionKey: 'main', message: '/new' }],
    ['POST', '/api/sessions/main/abort', {}, 'chat.abort', { sessionKey: 'main' }], ['POST', '/sessions/main/kill', {}, 'chat.abort', { sessionKey: 'main' }]
  ]
  for (const scope of ['', 'operator.read', 'operator.write', 'operator.admin', 'operator.sessions.read', 'operator.sessions.write', 'operator.pairing', 'operator.approvals']) {
    const { client } = await admitted(gateway.url, { scopes: scope === '' ? [] : [scope], auth: false })
    for (const [method, path, body, name, params] of twins) {
      const { status } = await call(gateway, path, {
        method, headers: { ...open, 'x-openclaw-scopes': scope, 'content-type': 'application/json' }, ...(method === 'POST' ? { body: JSON.stringify(body) } : {})
      })
      const answer = await client.request(name, name === 'chat.send' ? { ...params, idempotencyKey: randomUUID() } : params)
      t.equal(status === 403, answer.error?.code === 'FORBIDDEN', `${scope} ${method} ${path} ${status} ${JSON.stringify(answer.error ?? {})}`)
      t.ok(status === 200 || status === 403)
    }
    await closeClient(client)
  }
})
