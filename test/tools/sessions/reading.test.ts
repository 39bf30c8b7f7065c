import t from 'tap'
import { admitted } from '../../helper.ts'
import { talk, talkTo } from './talk.ts'

const main = 'agent:main:main'
const two = { config: { agents: { entries: { main: { default: true }, iris: {} } } } }

t.test('the state of a conversation has the fields that programs know', async t => {
  const { say, call } = await talk(t)
  await say(main, 'hello')
  const details = await call(main, 'session_status')
  t.match(details, {
    ok: true,
    sessionKey: main,
    agentId: 'main',
    modelId: 'echo/echo',
    channel: 'unknown',
    created: /^\d{4}-\d\d-\d\dT/,
    active: true,
    subagentDepth: 0,
    changedModel: false,
    runtimeInfo: { thinking: 'off', modelIdentity: 'echo/echo' },
    statusText: /^Gateway 0\.0\.0-test/
  })
  t.ok(details['toolsAvailable'].includes('sessions_spawn'))
  t.match(await call(main, 'session_status', { sessionKey: 'agent:main:nothing' }), { status: 'error', error: /No session found/ })
})

t.test('changes since a version are told by kind and place, never by words', async t => {
  const { say, call } = await talk(t)
  await say('agent:main:a', 'first secret word')
  const { stateVersion } = await call(main, 'session_status', { sessionKey: 'agent:main:a' })
  await say('agent:main:a', 'second')
  const { changes, historyGap } = await call(main, 'session_status', { sessionKey: 'agent:main:a', changesSince: stateVersion })
  t.match(changes, [{ kind: 'human_direct_message', actor: 'human', version: stateVersion + 1 }, { kind: 'run_completed', actor: 'agent' }])
  t.equal(historyGap, false)
  t.notMatch(JSON.stringify(changes), /second/)
  t.match(await call(main, 'session_status', { sessionKey: 'agent:main:a', changesSince: 9999 }), { changes: [], historyGap: true })
})

t.test('the owner chooses the model of one conversation; others do not', async t => {
  const { gateway, say, call, client } = await talk(t, { config: { agents: { defaults: { models: { 'echo/echo': { alias: 'parrot' } } } } } })
  await say('agent:main:a', 'hello')
  t.match(await call(main, 'session_status', { sessionKey: 'agent:main:a', model: 'parrot' }), { changedModel: true, modelOverride: 'echo/echo' })
  t.match(await call(main, 'session_status', { sessionKey: 'agent:main:a', model: 'nobody/none' }), { status: 'error' })
  t.match(await call(main, 'session_status', { sessionKey: 'agent:main:a', model: 'default' }), { changedModel: true })
  t.equal((await call(main, 'session_status', { sessionKey: 'agent:main:a' }))['modelOverride'], undefined)
  const { client: guest } = await admitted(gateway.url, { scopes: ['operator.read', 'operator.write'] })
  const { call: guestCall } = await talkTo(guest, gateway)
  t.match(await guestCall(main, 'session_status', { sessionKey: 'agent:main:a', model: 'parrot' }), { status: 'forbidden', error: /Only the owner/ })
  t.ok(client)
})

t.test('conversations are listed by kind, page by page, with their newest messages', async t => {
  const { say, call } = await talk(t)
  for (const key of [main, 'agent:main:one', 'agent:main:telegram:group:7']) await say(key, `hello ${key}`)
  await call(main, 'sessions_spawn', { task: 'help' })
  const kinds = async (...kinds: string[]) => (await call(main, 'sessions_list', { kinds }))['sessions'].map(({ key }: { key: string }) => key)
  t.same(await kinds('main'), [main])
  t.same(await kinds('group'), ['agent:main:telegram:group:7'])
  t.match(await kinds('subagent'), [/^agent:main:subagent:/])
  t.equal((await kinds('other')).length, 2)
  const first = await call(main, 'sessions_list', { limit: 1 })
  t.match(first, { count: 1, hasMore: true, limitApplied: 1, nextOffset: 1, sessions: [{ key: main, sessionKey: main, kind: 'main', active: true, created: String, childSessions: [/subagent/] }] })
  const second = await call(main, 'sessions_list', { limit: 1, offset: first['nextOffset'] })
  t.not(second['sessions'][0].key, main)
  const found = await call(main, 'sessions_list', { search: ':one', messageLimit: 1 })
  t.match(found['sessions'], [{ key: 'agent:main:one', messages: [{ role: 'assistant', content: [{ text: /hello agent:main:one/ }] }] }])
  t.match(await call(main, 'sessions_list', { activeOnly: true }), { count: 1, sessions: [{ key: main }] })
  t.match(await call(main, 'sessions_list', { label: 'nobody' }), { count: 0, sessions: [], hasMore: false })
})

t.test('history comes in pages, without pictures, thoughts and credentials, and long texts are cut', async t => {
  const { say, call } = await talk(t)
  const key = 'agent:main:talk'
  await say(key, `my key is sk-${'a1B2'.repeat(12)}`)
  await say(key, 'long '.repeat(2000))
  await say(key, '/think deeply\n/tool session_status {}')
  const whole = await call(main, 'sessions_history', { sessionKey: key })
  t.notMatch(JSON.stringify(whole), /a1B2a1B2a1B2/)
  t.notMatch(JSON.stringify(whole), /deeply"/)
  t.match(whole, { sessionKey: key, contentRedacted: true, contentTruncated: true, truncated: true, droppedMessages: false, hasMore: false, pendingInputs: { items: [], total: 0 } })
  t.equal(whole['messages'].some(({ role }: { role: string }) => role === 'toolResult'), false)
  t.match(whole['messages'].filter((message: object) => 'tool_calls' in message), [{ role: 'assistant', tool_calls: [{ name: 'session_status' }] }])
  const tools = await call(main, 'sessions_history', { sessionKey: key, includeTools: true })
  t.match(tools['messages'].filter(({ role }: { role: string }) => role === 'toolResult'), [{ toolName: 'session_status', tool_call_id: String, isError: false }])
  const page = await call(main, 'sessions_history', { sessionKey: key, limit: 2 })
  const older = await call(main, 'sessions_history', { sessionKey: key, limit: 2, offset: page['nextOffset'] })
  const seqs = [...older['messages'], ...page['messages']].map(message => message.__openclaw.seq)
  t.same(seqs, [...new Set(seqs)].sort((a, b) => a - b))
  t.match(await call(main, 'sessions_history', { sessionKey: 'agent:main:gone' }), { status: 'error', error: /No session found/ })
})

t.test('a history is never larger than its bound', async t => {
  const { say, call } = await talk(t)
  for (let index = 0; index < 14; index++) await say('agent:main:big', `${index} ${'ü'.repeat(7000)}`)
  const history = await call(main, 'sessions_history', { sessionKey: 'agent:main:big', limit: 100 })
  t.ok(history['bytes'] <= 80 * 1024)
  t.match(history, { droppedMessages: true, hasMore: true })
  let count = history['messages'].length
  for (let page = history; page['hasMore'];) {
    page = await call(main, 'sessions_history', { sessionKey: 'agent:main:big', limit: 100, offset: page['nextOffset'] })
    count += page['messages'].length
  }
  t.equal(count, 28)
})

t.test('words are found where they were said, and the hit leads to its place', async t => {
  const { say, call } = await talk(t)
  await say('agent:main:fruit', 'the pomegranate is red')
  const { results } = await call(main, 'sessions_search', { query: 'pomegranate', sessionKey: 'agent:main:fruit' })
  const hit = results.find(({ role }: { role: string }) => role === 'user')
  t.match(hit, { sessionKey: 'agent:main:fruit', snippet: /pomegranate is red/, messageId: String, sessionId: String, score: Number })
  const around = await call(main, 'sessions_history', { sessionKey: hit.sessionKey, messageId: hit.messageId, limit: 2 })
  t.match(around['messages'].at(-2) ?? around['messages'][0], { content: [{ text: /pomegranate/ }] })
})

t.test('visibility decides what is seen, tool by tool alike', async t => {
  const scopes: { [scope: string]: string[] } = {
    self: ['agent:main:a'],
    tree: ['agent:main:a', 'child'],
    agent: ['agent:main:a', 'agent:main:b', 'child'],
    all: ['agent:iris:main', 'agent:main:a', 'agent:main:b', 'child']
  }
  for (const [visibility, expected] of Object.entries(scopes)) {
    const { say, call, until } = await talk(t, { config: { ...two.config, tools: { sessions: { visibility } } } })
    for (const key of ['agent:main:a', 'agent:main:b', 'agent:iris:main']) await say(key, 'pomegranate')
    const { childSessionKey } = await call('agent:main:a', 'sessions_spawn', { task: 'pomegranate' })
    await until(async () => (await call('agent:main:a', 'subagents', { action: 'list' }))['active'].length === 0)
    const named = (keys: string[]): string[] => [...new Set(keys.map(key => key === childSessionKey ? 'child' : key))].sort()
    const listed = await call('agent:main:a', 'sessions_list')
    t.same(named(listed['sessions'].map(({ key }: { key: string }) => key)), expected, `${visibility}: listed`)
    const found = await call('agent:main:a', 'sessions_search', { query: 'pomegranate', limit: 50 })
    t.same(named(found['results'].map(({ sessionKey }: { sessionKey: string }) => sessionKey)), expected, `${visibility}: found`)
    for (const key of ['agent:main:b', 'agent:iris:main']) {
      const isSeen = expected.includes(key)
      for (const [tool, args] of [['sessions_history', {}], ['session_status', {}], ['sessions_send', { message: 'hi', timeoutSeconds: 0 }], ['sessions_search', { query: 'x' }]] as const) {
        const { status } = await call('agent:main:a', tool, { ...args, sessionKey: key })
        t.equal(status === 'forbidden', !isSeen, `${visibility}: ${tool} ${key}`)
      }
    }
  }
})

t.test('agents reach each other only when both take part and the owner of the gateway asks', async t => {
  const { gateway, say, call } = await talk(t, two)
  await say('agent:iris:main', 'hello')
  await say(main, 'hello')
  t.match(await call(main, 'sessions_history', { sessionKey: 'iris-main' }), { sessionKey: 'agent:iris:main', messages: [{ role: 'user' }, { role: 'assistant' }] })
  const { client } = await admitted(gateway.url, { scopes: ['operator.read', 'operator.write'] })
  const guest = await talkTo(client, gateway)
  t.match(await guest.call(main, 'sessions_history', { sessionKey: 'agent:iris:main' }), { status: 'forbidden', error: /only the owner of the gateway/ })
  t.notMatch(JSON.stringify(await guest.call(main, 'sessions_list')), /agent:iris/)
  const closed = await talk(t, { config: { ...two.config, tools: { agentToAgent: { allow: ['main'] } } } })
  await closed.say('agent:iris:main', 'hello')
  await closed.client.request('sessions.patch', { key: 'agent:iris:main', label: 'hidden' })
  t.match(await closed.call(main, 'sessions_send', { label: 'hidden', message: 'hi' }), { status: 'error', error: /No session has the label/ })
  t.match(await closed.call(main, 'sessions_history', { sessionKey: 'agent:iris:main' }), { status: 'forbidden', error: /tools.agentToAgent.allow does not name agent "iris"/ })
  const off = await talk(t, { config: { ...two.config, tools: { agentToAgent: { enabled: false } } } })
  await off.say('agent:iris:main', 'hello')
  t.match(await off.call(main, 'sessions_send', { agentId: 'iris', message: 'hi' }), { status: 'forbidden', error: /agentToAgent.enabled is false/ })
})

t.test('who joins the run of the owner takes no right over', async t => {
  const { gateway, client, call, story, until } = await talk(t, { config: { agents: { defaults: { parallelTools: false } } } })
  const { client: guest } = await admitted(gateway.url, { scopes: ['operator.read', 'operator.write'] })
  const slow = '/tool subagents {"action":"wait","timeoutSeconds":1}'
  await client.request('chat.send', { sessionKey: main, message: `/tool sessions_spawn {"task":"/slow 3000\\none two"}\n${slow}`, idempotencyKey: 'owner' })
  await until(async () => (await story(main)).some(line => /toolCall/.test(line)))
  await guest.request('chat.send', { sessionKey: main, message: '/tool gateway {"action":"config.get","path":"gateway.port"}', idempotencyKey: 'guest' })
  await until(async () => (await story(main)).some(line => /^toolResult: .*(not allowed any more|no tool named)/.test(line)))
  t.notMatch((await story(main)).join('\n'), /"path": "gateway.port"/)
  await call(main, 'subagents', { action: 'cancel', taskId: 'all' })
})

t.test('the owner reads the configuration without its credentials', async t => {
  const { call } = await talk(t)
  t.match(await call(main, 'gateway', { action: 'config.get', path: 'gateway.auth' }), { ok: true, result: { path: 'gateway.auth', config: { mode: 'token', token: '__OPENCLAW_REDACTED__' } } })
  t.match(await call(main, 'gateway', { action: 'config.schema.lookup', path: 'gateway.port' }), { ok: true, result: { path: 'gateway.port', schema: { type: 'integer' }, reloadKind: 'restart' } })
  t.match(await call(main, 'gateway', { action: 'config.get' }), { text: /too large/ })
  t.match(await call(main, 'gateway', { action: 'config.get', path: '__proto__.polluted' }), { missing: true })
  t.match(await call(main, 'gateway', { action: 'restart' }), { text: /restart is not offered/ })
  t.match(await call(main, 'gateway', { action: 'nonsense' }), { text: /must be one of/ })
})
