/** What a chat completion is on the wire: shapes, sentences, sessions, and what becomes of it when nobody waits any more. */
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import t from 'tap'
import { eventually } from '../../fixtures/eventually.ts'
import { startGateway, testToken } from '../../helper.ts'
import { inTurn, startScene, type OpenAiScene } from './scene.ts'

const user = (content: unknown): object => ({ role: 'user', content })
const ask = (messages: readonly object[], more: object = {}): object => ({ model: 'openclaw', messages, ...more })

const tool = { type: 'function', function: { name: 'look', parameters: { type: 'object' } } }
const called = (...ids: string[]): object => ({
  role: 'assistant', content: null, tool_calls: ids.map(id => ({ id, type: 'function', function: { name: 'look', arguments: '{}' } }))
})
const result = (id: string, content: unknown = 'seen'): object => ({ role: 'tool', tool_call_id: id, content })

/** Roles and texts that the model was asked with last, without the system prompt. */
const heard = ({ vendor }: OpenAiScene): string[] => vendor.requests.at(-1)!.body.messages
  .slice(1).map(({ role, content }: { role: string, content: unknown }) => `${role}: ${typeof content === 'string' ? content : JSON.stringify(content)}`)

const eventsOf = (text: string): string[] => text.split('\n\n').filter(Boolean).map(frame => frame.replace(/^data: /, ''))

t.test('what is switched off is not there', async t => {
  const { http } = await startGateway(t)
  for (const path of ['/v1/models', '/v1/chat/completions', '/v1/embeddings']) {
    const response = await fetch(`${http}${path}`, { method: path === '/v1/models' ? 'GET' : 'POST' })
    t.equal(response.status, 404, path)
  }
})

t.test('another method is refused in plain text, and a stranger before his body is read', async t => {
  const { http } = await startScene(t)
  const wrong = await fetch(`${http}/v1/chat/completions`)
  t.same([wrong.status, wrong.headers.get('allow'), await wrong.text()], [405, 'POST', 'Method Not Allowed'])
  t.equal((await fetch(`${http}/v1/models`, { method: 'POST' })).headers.get('allow'), 'GET')
  const stranger = await fetch(`${http}/v1/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' })
  t.equal(stranger.status, 401)
  t.match(await stranger.json(), { error: { message: 'Unauthorized', type: 'unauthorized', code: 'AUTH_TOKEN_MISSING', param: null } })
})

t.test('models are found under any spelling of their path', async t => {
  const { http } = await startScene(t)
  const get = async (path: string): Promise<unknown> =>
    await (await fetch(`${http}${path}`, { headers: { authorization: `Bearer ${testToken}` } })).json()
  const main = { id: 'openclaw/main', object: 'model', created: 0, owned_by: 'openclaw', permission: [] }
  t.same(await get('/v1/models/openclaw%2Fmain'), main)
  t.same(await get('/v1/models/openclaw/main'), main)
  t.match(await get('/v1/models/nope'), { error: { message: 'Invalid model id.', type: 'invalid_request_error' } })
})

t.test('refusals name what is wrong', async t => {
  const { post } = await startScene(t)
  const cases: ReadonlyArray<readonly [body: unknown, message: string | RegExp, param?: string]> = [
    [ask([user('x')], { model: 'gpt-4o' }), 'Invalid `model`. Use `openclaw` or `openclaw/<agentId>`.', 'model'],
    [ask([user('x')], { model: undefined }), 'Invalid `model`. Use `openclaw` or `openclaw/<agentId>`.', 'model'],
    [ask([user('x')], { model: 'openclaw/nobody' }), "Unknown agent 'nobody'.", 'model'],
    [{ model: 'openclaw' }, 'Missing user message in `messages`.', 'messages'],
    [ask([{ role: 'system', content: 'x' }]), 'Missing user message in `messages`.', 'messages'],
    [ask([user('x')], { temperature: 3 }), '`temperature` must be between 0 and 2.', 'temperature'],
    [ask([user('x')], { n: 2 }), '`n` must be 1: an agent gives one answer.', 'n'],
    [ask([user('x')], { max_tokens: 0 }), '`max_tokens` must be a whole number of at least 1.', 'max_tokens'],
    [ask([user('x')], { tool_choice: 'required' }), '`tool_choice` is only allowed when `tools` are specified.', 'tool_choice'],
    [ask([user('x')], { tools: [tool, tool] }), '`tools` has two functions named look.', 'tools'],
    [ask([user('x')], { tools: [{ type: 'web_search' }] }), /^`tools\[0\]` must be/, 'tools[0]'],
    [ask([user('x')], { stop: [1] }), /^`stop` must be/, 'stop'],
    [ask([user('x')], { user: 7 }), '`user` must be a string.', 'user'],
    [ask([user('x')], { logprobs: true }), '`logprobs` are not given.', 'logprobs'],
    [ask([{ role: 'robot', content: 'x' }]), /^`messages\[0\]\.role` must be/, 'messages[0].role'],
    [ask([user([{ type: 'input_audio', input_audio: {} }])]), /^`messages\[0\]\.content\[0\]` must be/, 'messages[0].content[0]'],
    [ask([user('x'), result('call_9')]), /^`messages\[1\]\.tool_call_id` must be/, 'messages[1].tool_call_id'],
    ['[]', 'The body must be a JSON object.'],
    ['{', /JSON/]
  ]
  for (const [body, message, param] of cases) {
    const response = await post('/v1/chat/completions', body)
    t.equal(response.status, 400, String(message))
    t.match(await response.json(), { error: { message, type: 'invalid_request_error', code: String, param: param ?? null } }, String(message))
  }
})

t.test('headers say which agent, which conversation and which model', async t => {
  const scene = await startScene(t, { agents: { entries: { main: { default: true }, iris: { name: 'Iris' } } } })
  const send = async (headers: { [name: string]: string }): Promise<[number, string]> => {
    const response = await scene.post('/v1/chat/completions', ask([user('x')]), headers)
    const { error } = await response.json() as { error?: { message: string } }
    return [response.status, error?.message ?? '']
  }
  t.same(await send({ 'x-openclaw-agent-id': 'iris', 'x-openclaw-message-channel': 'telegram' }), [200, ''])
  t.match(scene.vendor.requests.at(-1)!.body.messages[0].content, /You are Iris.*channel telegram/s)
  t.same(await send({ 'x-openclaw-model': 'box/other' }), [200, ''])
  t.equal(scene.vendor.requests.at(-1)!.body.model, 'other')
  t.match(await send({ 'x-openclaw-model': 'nobody/knows' }), [404, /unknown model/])
  for (const key of ['cron:x', 'subagent:x', 'acp:x', 'agent:main:cron:x']) {
    t.same(await send({ 'x-openclaw-session-key': key }), [400, '`x-openclaw-session-key` cannot use reserved internal session namespaces.'], key)
  }
})

t.test('with several agents and none that is meant, one has to be named', async t => {
  const { post } = await startScene(t, { agents: { ownership: 'explicit', entries: { one: {}, two: {} } } })
  const response = await post('/v1/chat/completions', ask([user('x')]))
  t.match([response.status, await response.json()], [400, { error: { message: /select an agent explicitly/ } }])
  t.equal((await post('/v1/chat/completions', ask([user('x')], { model: 'openclaw/two' }))).status, 200)
})

t.test('an agent that runs elsewhere has no functions of others', async t => {
  const { post } = await startScene(t, { agents: { entries: { main: { runtime: 'external' } } } })
  const response = await post('/v1/chat/completions', ask([user('x')], { tools: [tool] }))
  t.match([response.status, await response.json()], [400, { error: { message: /carried out by a program of their own/, param: 'tools' } }])
})

t.test('without a name a conversation is nowhere but in its request', async t => {
  const { post, gateway } = await startScene(t)
  const heardEvents: string[] = []
  t.teardown(gateway.rooms.events.subscribe(({ event }) => heardEvents.push(event)))
  const answers = await Promise.all(Array.from({ length: 100 }, async () => (await post('/v1/chat/completions', ask([user('x')]))).status))
  t.same(new Set(answers), new Set([200]))
  await gateway.rooms.sessions.ready
  await eventually(() => [gateway.rooms.sessions.count(), gateway.rooms.runs.stats().sessions], ([kept, running]) => kept === 0 && running === 0)
  t.same(heardEvents.filter(event => /chat|agent|session/.test(event)), [])
})

t.test('with a name it is a session, which keeps what was said', async t => {
  const scene = await startScene(t)
  const { post, gateway } = scene
  const first = [user('one'), { role: 'assistant', content: 'two' }, user('three')]
  await post('/v1/chat/completions', ask(first, { user: 'Alice@example.com' }))
  t.same(heard(scene), ['user: one', 'assistant: two', 'user: three'], 'the first request brings what was said elsewhere')
  await post('/v1/chat/completions', ask([...first, { role: 'assistant', content: 'Hello' }, user('four')], { user: 'Alice@example.com' }))
  t.same(heard(scene), ['user: one', 'assistant: two', 'user: three', 'assistant: Hello', 'user: four'], 'and nothing is said twice')
  await post('/v1/chat/completions', ask([user('five')], { user: 'Alice@example.com' }))
  t.equal(heard(scene).length, 7, 'also for a client that keeps nothing')
  const record = gateway.rooms.sessions.get('agent:main:openai-user:alice@example.com')
  t.match(record, { messageCount: 8 })
  const refused = await post('/v1/chat/completions', ask([user('x'), { role: 'assistant', content: 'y' }], { user: 'Alice@example.com' }))
  t.match(await refused.json(), { error: { message: 'Missing user message in `messages`: nothing follows the last reply.' } })
  await post('/v1/chat/completions', ask([user('x')], { user: 'https://../any%2fthing/\u202e' }))
  t.equal(gateway.rooms.sessions.count(), 2, 'whatever somebody is called')
})

t.test('a session waits for the answers to its calls, and takes each once', async t => {
  const scene = await startScene(t)
  const { post, vendor } = scene
  inTurn(vendor, { calls: [{ id: 'call_1', name: 'look', arguments: {} }, { id: 'call_2', name: 'look', arguments: {} }] }, { text: ['done'] })
  const headers = { 'x-openclaw-session-key': 'project' }
  await post('/v1/chat/completions', ask([user('look twice')], { tools: [tool] }), headers)
  const followUp = ask([user('look twice'), called('call_1', 'call_2'), result('call_1'), result('call_2', [{ type: 'text', text: 'too' }])], { tools: [tool] })
  const answer = await post('/v1/chat/completions', followUp, headers)
  t.match(await answer.json(), { choices: [{ message: { content: 'done' }, finish_reason: 'stop' }] })
  t.same(heard(scene), ['user: look twice', 'assistant: null', 'tool: seen', 'tool: too'])
  const again = await post('/v1/chat/completions', followUp, headers)
  t.match([again.status, await again.json()], [400, { error: { message: /does not wait for the answer to that call/ } }])
})

t.test('the same key is the same request, whether the conversation is kept or not', async t => {
  for (const more of [{}, { user: 'bob' }]) {
    const { post, vendor } = await startScene(t)
    const send = async (content: string): Promise<Response> =>
      await post('/v1/chat/completions', ask([user(content)], more), { 'idempotency-key': 'once' })
    const [first, second] = await Promise.all([send('x'), send('x')])
    const body = await first.json()
    t.same(await second.json(), body)
    t.same(await (await send('x')).json(), body)
    t.equal(vendor.requests.length, 1)
    t.equal((await send('y')).status, 409, 'and with another body it is a mistake')
  }
})

t.test('a stream on the wire', async t => {
  const { post, vendor } = await startScene(t)
  vendor.script = { text: ['w1', ' w2'], calls: [{ id: 'call_1', name: 'look', arguments: { a: 1 } }] }
  const response = await post('/v1/chat/completions', ask([user('x')], { stream: true, tools: [tool] }))
  t.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8')
  const frames = eventsOf(await response.text())
  t.equal(frames.at(-1), '[DONE]')
  const chunks = frames.slice(0, -1).map(frame => JSON.parse(frame))
  t.same(chunks.map(({ choices: [{ delta, finish_reason: finish }] }) => finish ?? delta), [
    { role: 'assistant' },
    ...chunks.filter(({ choices: [{ delta }] }) => delta.content).map(({ choices: [{ delta }] }) => delta),
    { tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'look', arguments: '' } }] },
    { tool_calls: [{ index: 0, function: { arguments: '{"a":1}' } }] },
    'tool_calls'
  ])
  t.equal(chunks.map(({ choices: [{ delta }] }) => delta.content ?? '').join(''), 'w1 w2')
  t.notOk(chunks.some(chunk => 'usage' in chunk))
})

t.test('what goes wrong in a stream is its last event', async t => {
  const { post, vendor } = await startScene(t)
  vendor.script = { status: 400, message: 'mock failure 400' }
  const frames = eventsOf(await (await post('/v1/chat/completions', ask([user('x')], { stream: true }))).text())
  t.equal(frames.at(-1), '[DONE]')
  t.match(JSON.parse(frames.at(-2)!), { error: { message: /mock failure 400/, type: 'invalid_request_error' } })
})

t.test('tools of the agent are used on the way, and what it says meanwhile is told', async t => {
  const { post, vendor } = await startScene(t)
  const scripts = [{ text: ['Let me see.'], calls: [{ id: 'call_1', name: 'session_status', arguments: {} }] }, { text: ['All', ' well.'] }]
  for (const isStream of [false, true]) {
    inTurn(vendor, ...scripts)
    const response = await post('/v1/chat/completions', ask([user('x')], { stream: isStream }))
    const content = isStream
      ? eventsOf(await response.text()).slice(0, -1).map(frame => JSON.parse(frame).choices[0].delta.content ?? '').join('')
      : (await response.json() as { choices: [{ message: { content: string } }] }).choices[0].message.content
    t.equal(content, 'Let me see.\n\nAll well.')
  }
})

t.test('a reply that was cut says so', async t => {
  const { post, vendor } = await startScene(t)
  vendor.script = { text: ['cut'], stop: 'length' }
  t.match(await (await post('/v1/chat/completions', ask([user('x')]))).json(), { choices: [{ message: { content: 'cut' }, finish_reason: 'length' }] })
})

t.test('limits of others are passed on with their time', async t => {
  const { post, vendor } = await startScene(t)
  vendor.script = { status: 429, message: 'insufficient_quota' }
  const billing = await post('/v1/chat/completions', ask([user('x')]))
  t.match([billing.status, await billing.json()], [502, { error: { type: 'api_error', code: 'MODEL_FAILED' } }])
})

t.test('a body that is too large is refused', async t => {
  const { post } = await startScene(t, { gateway: { http: { endpoints: { chatCompletions: { enabled: true, maxBodyBytes: 1000 } } } } })
  const response = await post('/v1/chat/completions', ask([user('x'.repeat(2000))]))
  t.match([response.status, await response.json()], [413, { error: { message: 'Payload too large', type: 'invalid_request_error' } }])
})

for (const isStream of [false, true]) {
  t.test(`whoever goes away takes the request along, ${isStream ? 'in a stream' : 'before an answer'}`, async t => {
    const { port, vendor, gateway } = await startScene(t)
    vendor.script = { hangAfter: isStream ? 3 : 1 }
    const request = httpRequest({
      port, path: '/v1/chat/completions', method: 'POST', headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' }
    })
    request.on('error', () => {})
    request.end(JSON.stringify(ask([user('x')], { stream: isStream })))
    if (isStream) {
      const [response] = await once(request, 'response')
      await once(response, 'data')
    }
    await eventually(() => vendor.requests.length > 0)
    request.destroy()
    await vendor.abandoned()
    await eventually(() => gateway.rooms.runs.stats(), ({ sessions, active }) => sessions === 0 && active === 0)
    t.pass('nothing is left of it')
  })
}
