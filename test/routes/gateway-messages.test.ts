import { request as httpRequest } from 'node:http'
import { once } from 'node:events'
import t from 'tap'
import { authorization, call, echo, openGateway, post, send, status } from './gateway-scene.ts'

t.test('a message is answered with its session, its id, the reply and what it took', async t => {
  const gateway = await openGateway(t)
  const { status: code, headers, text, body } = await send(gateway, { from: ' alice ', text: ' Hello ' })
  t.equal(code, 200)
  t.equal(headers.get('content-type'), 'application/json; charset=utf-8')
  t.match(body, { session_id: 'http:dm:alice', reply: echo('Hello'), usage: { prompt_tokens: Number, completion_tokens: 8, total_tokens: Number } })
  t.match(body.request_id, /^[0-9a-f-]{36}$/)
  t.equal(headers.get('x-request-id'), body.request_id)
  t.ok(text.endsWith('\n'))
  t.same(Object.keys(body), ['session_id', 'request_id', 'reply', 'usage'])
})

t.test('ids of sessions follow from channel, thread and sender, and no two senders share one', async t => {
  const gateway = await openGateway(t)
  const cases: Array<[object, string, string]> = [
    [{ from: 'alice' }, 'http:dm:alice', 'agent:main:http:dm:alice'],
    [{ from: 'alice', channel: 'Slack' }, 'Slack:dm:alice', 'agent:main:slack~'],
    [{ from: 'alice', thread: 'g1' }, 'http:thread:g1', 'agent:main:http:group:g1'],
    [{ user_id: 'u', thread: 'g1' }, 'http:thread:g1', 'agent:main:http:group:g1'],
    [{ from: 'a', user_id: 'b' }, 'http:dm:a', 'agent:main:http:dm:a:user:b'],
    [{ user_id: 'b', session_id: ' s1 ' }, 's1', 'agent:main:s1:user:b'],
    [{ user_id: 'b', session_id: 'agent:main:desk' }, 'agent:main:desk', 'agent:main:desk'],
    [{ from: 'c', channel: 'a:dm:b' }, 'a%3Adm%3Ab:dm:c', 'agent:main:a-dm-b~'],
    [{ from: 'b:dm:c', channel: 'a' }, 'a:dm:b%3Adm%3Ac', 'agent:main:a:dm:b-dm-c~'],
    [{ from: 'Alice' }, 'http:dm:Alice', 'agent:main:http:dm:alice~'],
    [{ from: '../x' }, 'http:dm:../x', 'agent:main:http:dm:x~'],
    [{ from: 'cron', channel: 'cron' }, 'cron:dm:cron', 'agent:main:cron~']
  ]
  for (const [sender, sessionId, key] of cases) {
    const { body } = await send(gateway, { ...sender, text: 'x' })
    t.equal(body.session_id, sessionId, JSON.stringify(sender))
    const known = [...gateway.gateway.rooms.sessions.records()].map(record => record.key)
    t.ok(known.some(one => key.endsWith('~') ? one.startsWith(key) : one === key), key)
  }
  const missing = await send(gateway, { user_id: 'b', text: 'x' })
  t.equal(missing.status, 400)
  t.match(missing.body.error, { type: 'invalid_request', message: 'gateway: missing from for dm session id' })
})

t.test('a thread is one conversation, and what two say to the agent is not read by others', async t => {
  const gateway = await openGateway(t)
  const history = async (key: string): Promise<string[]> => (await gateway.gateway.rooms.sessions.lines.tail(key, { limit: 50 }))
    .flatMap(({ value }) => value.type === 'message' && value.message.role === 'user' ? [String(value.message.content)] : [])
  await send(gateway, { from: 'a', thread: 't', text: 'one' })
  await send(gateway, { from: 'b', thread: 't', text: 'two' })
  t.same(await history('agent:main:http:group:t'), ['one', 'two'])
  await send(gateway, { from: 'bridge', user_id: 'a', text: 'mine' })
  await send(gateway, { from: 'bridge', user_id: 'b', text: 'yours' })
  t.same(await history('agent:main:http:dm:bridge:user:a'), ['mine'])
  t.same(await history('agent:main:http:dm:bridge:user:b'), ['yours'])
})

t.test('the body is read as the wire allows: any type, names in any case, null for nothing, fields of others', async t => {
  const gateway = await openGateway(t)
  const body = '{"From":"alice","TEXT":"Hello","thread":null,"extensions":{"x":1},"future":[1]}'
  for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'x/y']) {
    const { status: code, body: answer } = await send(gateway, body, { 'content-type': type })
    t.equal(code, 200, type)
    t.equal(answer.reply, echo('Hello'))
  }
})

t.test('what is wrong with a body is said in the one shape, with the id of the request once it is known', async t => {
  const gateway = await openGateway(t)
  const cases: Array<[string, RegExp]> = [
    ['', /^decode json: EOF$/], ['{', /^decode json: /], ['{"from":"a","text":"x"} more', /^decode json: /], ['[1]', /^decode json: the body must be an object$/],
    ['{"from":7}', /^decode json: from must be a string$/], ['null', /^missing text$/], ['{"from":"a","text":"  "}', /^missing text$/],
    ['{"text":"x"}', /^missing user_id or from$/], ['{"from":"a","content_parts":{}}', /content_parts must be an array/],
    ['{"from":"a","text":"x","stream_options":3}', /stream_options must be an object/], ['{"from":"a","text":"x","detach":"yes"}', /detach must be true or false/],
    [JSON.stringify({ from: 'a'.repeat(600), text: 'x' }), /^from is longer than 512 characters$/],
    [JSON.stringify({ from: 'a', text: 'x', session_id: 'agent:nobody:x' }), /unknown agent id "nobody"/],
    [JSON.stringify({ from: 'a', text: 'x', session_id: 'agent:main:../x' }), /invalid sessionKey/]
  ]
  for (const path of ['/v1/gateway/messages', '/v1/gateway/messages:stream']) {
    for (const [body, message] of cases) {
      const { status: code, body: answer } = await post(gateway, path, body)
      t.equal(code, 400, body.slice(0, 60))
      t.equal(answer.error.type, 'invalid_request')
      t.match(answer.error.message, message)
    }
  }
  const { headers, body } = await send(gateway, { request_id: 'mine', text: 'x' })
  t.equal(body.request_id, 'mine')
  t.equal(headers.get('x-request-id'), 'mine')
  t.equal((await send(gateway, { request_id: 'naïve id\n', from: 'a', text: 'x' })).headers.get('x-request-id'), 'na%C3%AFve%20id')
})

t.test('a body over the limit is 413, whether or not its length is told', async t => {
  const gateway = await openGateway(t, { maxBodyBytes: 64 })
  const large = JSON.stringify({ from: 'alice', text: 'x'.repeat(200) })
  const told = await send(gateway, large)
  t.equal(told.status, 413)
  t.match(told.body.error, { type: 'invalid_request', message: 'request body exceeds max_body_bytes (64 bytes)' })
  const request = httpRequest(`${gateway.http}/v1/gateway/messages`, { method: 'POST', headers: { authorization, 'transfer-encoding': 'chunked' } })
  request.on('error', () => {})
  request.write(large.slice(0, 100))
  request.end(large.slice(100))
  const [response] = await once(request, 'response') as [{ statusCode: number, resume (): void }]
  response.resume()
  t.equal(response.statusCode, 413)
  t.equal((await send(gateway, { from: 'a', text: 'x' })).status, 200, 'and what fits goes on')
})

t.test('the wrong method is 405 before anything else, and nothing lies below the routes', async t => {
  const gateway = await openGateway(t)
  const none = { authorization: '' }
  for (const [path, allow, wrong] of [['messages', 'POST', 'GET'], ['messages:stream', 'POST', 'PUT'], ['status', 'GET', 'POST'], ['cancel', 'POST', 'GET']] as const) {
    const { status: code, headers } = await call(gateway, `/v1/gateway/${path}`, { method: wrong, headers: none })
    t.equal(code, 405, path)
    t.equal(headers.get('allow'), allow)
  }
  for (const path of ['messages/x', 'messages/', 'status/x', 'cancel/x', 'messagesXstream', 'messages:streams']) {
    t.equal((await post(gateway, `/v1/gateway/${path}`, { from: 'a', text: 'x' })).status, 404, path)
  }
})

t.test('nobody gets in without the right credential and scope, whatever the route', async t => {
  // Wrong guesses of this machine are answered at once.
  const gateway = await openGateway(t, {}, { config: { gateway: { auth: { rateLimit: { exemptLoopback: false } } } } })
  const before = [...gateway.gateway.rooms.sessions.records()].length
  for (const path of ['messages', 'messages:stream', 'cancel']) {
    for (const headers of [{ authorization: '' }, { authorization: 'Bearer wrong-wrong-wrong-wrong-wrong' }]) {
      const { status: code, body } = await post(gateway, `/v1/gateway/${path}`, { from: 'a', text: 'x', request_id: 'r' }, headers)
      t.equal(code, 401, path)
      t.match(body.error, { type: 'unauthorized', message: 'Unauthorized' })
    }
  }
  t.equal((await call(gateway, '/v1/gateway/status?request_id=r', { headers: { authorization: '' } })).status, 401)
  t.equal([...gateway.gateway.rooms.sessions.records()].length, before)
  const open = await openGateway(t, {}, { config: { gateway: { auth: { mode: 'none', token: undefined } } } })
  const narrowed = { authorization: '', 'x-openclaw-scopes': 'operator.read' }
  t.equal((await post(open, '/v1/gateway/messages', { from: 'a', text: 'x' }, narrowed)).status, 403)
  t.equal((await post(open, '/v1/gateway/messages', { from: 'a', text: 'x' }, { authorization: '', 'content-type': 'text/plain' })).status, 415,
    'without a credential a form of some page is not taken for a message')
  t.equal((await post(open, '/v1/gateway/messages', { from: 'a', text: 'x' }, { authorization: '' })).status, 200)
})

t.test('only listed users are answered, an empty list answers nobody, and user_id counts before from', async t => {
  const listed = await openGateway(t, { allowUsers: [' alice ', ''] })
  t.equal((await send(listed, { from: 'alice', text: 'x' })).status, 200)
  t.equal((await send(listed, { from: 'bridge', user_id: 'alice', text: 'x' })).status, 200)
  for (const sender of [{ from: 'bob' }, { from: 'alice', user_id: 'bob' }, { from: 'Alice' }]) {
    for (const path of ['/v1/gateway/messages', '/v1/gateway/messages:stream']) {
      const { status: code, body } = await post(listed, path, { ...sender, text: 'x' })
      t.equal(code, 403)
      t.match(body.error, { type: 'unauthorized', message: 'user is not allowed' })
    }
  }
  t.equal([...listed.gateway.rooms.sessions.records()].length, 2, 'nothing was run for the others')
  const empty = await openGateway(t, { allowUsers: ['', ' '] })
  t.equal((await send(empty, { from: 'alice', text: 'x' })).status, 403)
})

t.test('in threads only what names the agent is answered, also in parts; the rest is ignored and told so', async t => {
  const gateway = await openGateway(t, { requireMention: true, mentionPatterns: [' @bot ', '', 'hey, you'] })
  const thread = { from: 'a', thread: 't' }
  const ignored = await send(gateway, { ...thread, text: 'hello', request_id: 'i1' })
  t.equal(ignored.status, 200)
  t.same(ignored.body, { ignored: true })
  t.match((await status(gateway, 'i1')).body, { status: 'ignored', request_id: 'i1' })
  t.equal([...gateway.gateway.rooms.sessions.records()].length, 0)
  t.same((await send(gateway, { ...thread, text: '@BOT hello' })).body, { ignored: true }, 'by their case')
  t.equal((await send(gateway, { ...thread, text: '@bots, hello' })).body.reply, echo('@bots, hello'))
  t.equal((await send(gateway, { ...thread, text: 'well hey, you' })).status, 200)
  t.match((await send(gateway, { ...thread, content_parts: [{ type: 'text', text: 'ask @bot' }] })).body, { session_id: 'http:thread:t' })
  t.match((await send(gateway, { ...thread, content_parts: [{ type: 'link', link: { url: 'https://x.test/@bot' } }] })).body, { session_id: 'http:thread:t' })
  t.match((await send(gateway, { from: 'a', text: 'hello' })).body, { session_id: 'http:dm:a' }, 'what is said to the agent alone is meant for it')
})

t.test('a model is taken by its name or alias, and an unknown one is refused', async t => {
  const gateway = await openGateway(t, {}, { config: { agents: { defaults: { models: { 'echo/echo': { alias: 'quick' } } } } } })
  t.equal((await send(gateway, { from: 'a', text: 'x', model: ' quick ' })).status, 200)
  for (const path of ['/v1/gateway/messages', '/v1/gateway/messages:stream']) {
    const { status: code, body } = await post(gateway, path, { from: 'a', text: 'x', model: 'gpt-9' })
    t.equal(code, 400)
    t.match(body.error, { type: 'invalid_model', message: 'model "gpt-9" is not available' })
  }
})

t.test('a failed run is 500 with the ids to ask about it', async t => {
  const gateway = await openGateway(t)
  const failed = await send(gateway, { from: 'a', text: '/fail rate_limit 2', request_id: 'f' })
  t.equal(failed.status, 500)
  t.match(failed.body, { error: { type: 'internal_error', message: /rate_limit/ }, session_id: 'http:dm:a', request_id: 'f' })
  t.match((await status(gateway, 'f')).body, { status: 'failed', error: { message: /rate_limit/ } })
})

t.test('prompts of a request are for its run alone and never part of what was said', async t => {
  const gateway = await openGateway(t)
  const { body } = await send(gateway, { from: 'a', text: 'x', request_system_prompt: 'be brief', request_late_context_prompt: 'it is late' })
  t.equal(body.reply, echo('x'))
  const lines = JSON.stringify(await gateway.gateway.rooms.sessions.lines.tail('agent:main:http:dm:a', { limit: 20 }))
  t.notMatch(lines, /be brief|it is late/)
})

t.test('what strangers say reaches the agent as words of strangers unless the configuration says otherwise', async t => {
  const gateway = await openGateway(t, { ownerUsers: ['alice'] })
  t.equal((await send(gateway, { from: 'alice', text: 'x' })).body.reply, echo('x'))
  t.match((await send(gateway, { from: 'bob', text: 'x' })).body.reply, /UNTRUSTED[\s\S]*http message from bob/)
})

t.test('switched off, the data plane is not there', async t => {
  const gateway = await openGateway(t, { enabled: false })
  for (const path of ['messages', 'messages:stream', 'cancel']) t.equal((await post(gateway, `/v1/gateway/${path}`, {})).status, 404)
  t.equal((await call(gateway, '/v1/gateway/status?request_id=x')).status, 404)
  t.equal((await call(gateway, '/v1/gateway/messages')).status, 404)
})
