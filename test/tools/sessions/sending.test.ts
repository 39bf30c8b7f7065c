import t from 'tap'
import { testToken } from '../../helper.ts'
import { talk } from './talk.ts'

const main = 'agent:main:main'
const two = { agents: { entries: { main: { default: true }, iris: {} } } }

t.test('a message to another conversation is answered there, and the reply comes back', async t => {
  const { say, call, story } = await talk(t)
  await say('agent:main:b', 'hello')
  const details = await call(main, 'sessions_send', { sessionKey: 'agent:main:b', message: 'how are you' })
  t.match(details, { status: 'ok', runId: String, sessionKey: 'agent:main:b', reply: /how are you/, delivery: { status: 'skipped' } })
  t.match((await story('agent:main:b')).slice(-2), [/^user: \[Inter-session message from agent:main:main; not written by a person\]\nhow are you/, /^assistant: Echo/])
})

t.test('who does not wait is told that it was accepted', async t => {
  const { say, call, story, until } = await talk(t)
  await say('agent:main:b', 'hello')
  t.match(await call(main, 'sessions_send', { sessionKey: 'agent:main:b', message: '/slow 40\none two three', timeoutSeconds: 0 }), { status: 'accepted', targetDisposition: 'started', runId: String })
  await until(async () => (await story('agent:main:b')).some(line => /one two three/.test(line) && line.startsWith('assistant')))
})

t.test('who waits too short is told so, and the reply is not lost', async t => {
  const { say, call, story, until } = await talk(t)
  await say('agent:main:b', 'hello')
  t.match(await call(main, 'sessions_send', { sessionKey: 'agent:main:b', message: '/slow 120\none two three four five six', timeoutSeconds: 1 }), { status: 'timeout' })
  await until(async () => (await story('agent:main:b')).some(line => /one two three four five six/.test(line) && line.startsWith('assistant')))
})

t.test('a failed answer is reported as such', async t => {
  const { say, call } = await talk(t)
  await say('agent:main:b', 'hello')
  t.match(await call(main, 'sessions_send', { sessionKey: 'agent:main:b', message: '/fail refusal' }), { status: 'error', error: String })
})

t.test('a receiver is named by key, by label or by agent', async t => {
  const { say, call, client } = await talk(t, { config: two })
  await say('agent:main:b', 'hello')
  await client.request('sessions.patch', { key: 'agent:main:b', label: 'bee' })
  t.match(await call(main, 'sessions_send', { label: 'bee', message: 'hi' }), { status: 'ok', sessionKey: 'agent:main:b' })
  t.match(await call(main, 'sessions_send', { agentId: 'iris', message: 'hi' }), { status: 'ok', sessionKey: 'agent:iris:main' })
  t.match(await call(main, 'sessions_send', { label: 'wasp', message: 'hi' }), { status: 'error', error: /No session has the label/ })
  t.match(await call(main, 'sessions_send', { sessionKey: 'agent:main:gone', message: 'hi' }), { status: 'error', error: /No session found/ })
  t.match(await call(main, 'sessions_send', { sessionKey: 'agent:nobody:main', message: 'hi' }), { text: /unknown agent id/ })
  t.match(await call(main, 'sessions_send', { message: 'hi' }), { text: /takes a sessionKey, a label or an agentId/ })
  t.match(await call(main, 'sessions_send', { sessionKey: 'current', message: 'hi' }), { status: 'error', error: /the conversation that asks/ })
})

t.test('agents do not pass a message on for ever', async t => {
  const { say, call, story, until } = await talk(t, { config: { session: { agentToAgent: { maxPingPongTurns: 1 } } } })
  await say('agent:main:b', 'hello')
  const back = (message: string, sessionKey: string): string => `/tool sessions_send ${JSON.stringify({ sessionKey, message, timeoutSeconds: 0 })}`
  const fourth = back('end', 'agent:main:b')
  const third = back(fourth, main)
  const second = back(third, 'agent:main:b')
  await call(main, 'sessions_send', { sessionKey: 'agent:main:b', message: back(second, main), timeoutSeconds: 0 })
  await until(async () => [...await story(main), ...await story('agent:main:b')].some(line => /^toolResult: .*Agents have passed this on 2 times/s.test(line)))
})

t.test('the curls of the reference run as written', async t => {
  const { gateway, say } = await talk(t, { config: two })
  await say(main, 'hello')
  await say('agent:iris:main', 'hello iris')
  const invoke = async (body: object, headers: { [name: string]: string } = {}) => {
    const response = await fetch(`${gateway.http}/tools/invoke`, {
      method: 'POST', headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json', ...headers }, body: JSON.stringify(body)
    })
    return { status: response.status, body: await response.json() as any }
  }
  const status = await invoke({ tool: 'session_status', args: {} })
  t.match(status, {
    status: 200,
    body: { ok: true, result: { agentId: 'main', modelId: 'echo/echo', created: String, active: false, toolsAvailable: Array, subagentDepth: 0, runtimeInfo: { modelIdentity: 'echo/echo' }, details: { ok: true } } }
  })
  const list = await invoke({ tool: 'sessions_list', args: { kinds: ['main', 'subagent'] } })
  t.same(list.body.result.details.sessions.map(({ sessionKey }: { sessionKey: string }) => sessionKey), ['agent:iris:main', main])
  const history = await invoke({ tool: 'sessions_history', args: { sessionKey: 'iris-main', limit: 10 } }, { 'x-openclaw-result': 'plain' })
  t.match(history.body.result, [{ role: 'user', content: Array, timestamp: Number }, { role: 'assistant' }])
  t.match(await invoke({ tool: 'subagents', args: { action: 'list' } }, { 'x-openclaw-result': 'plain' }), { status: 200, body: { ok: true, result: [] } })
  t.match(await invoke({ tool: 'sessions_history', args: {} }), { status: 400, body: { ok: false, error: { message: /sessionKey required/ } } })
  for (const tool of ['sessions_spawn', 'sessions_send', 'gateway', 'Sessions_Spawn']) t.equal((await invoke({ tool, args: {} })).status, 404, tool)
})

t.test('an opened gateway tool and an opened spawn work over HTTP for the owner', async t => {
  const { gateway, say, story, until } = await talk(t, { config: { gateway: { tools: { allow: ['gateway', 'sessions_spawn'] } } } })
  await say(main, 'hello')
  const invoke = async (body: object) => {
    const response = await fetch(`${gateway.http}/tools/invoke`, {
      method: 'POST', headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' }, body: JSON.stringify(body)
    })
    return await response.json() as any
  }
  const config = await invoke({ tool: 'gateway', action: 'config.get', args: { path: 'gateway.auth.token' } })
  t.match(config, { ok: true, result: { details: { result: { config: '__OPENCLAW_REDACTED__' } } } })
  t.match(await invoke({ tool: 'gateway', action: 'config.get', args: {} }), { ok: false, error: { message: /too large/ } })
  t.match(await invoke({ tool: 'sessions_spawn', args: { task: 'over http' } }), { ok: true, result: { details: { status: 'accepted' } } })
  await until(async () => (await story(main)).some(line => /A helper is done/.test(line)))
})
