import t from 'tap'
import { admitted } from '../../helper.ts'
import { talk, talkTo } from './talk.ts'

const main = 'agent:main:main'
const reportsIn = (story: readonly string[]): string[] => story.filter(line => line.startsWith('user: [Inter-session message] '))

t.test('a helper does its task in a session of its own and reports once', async t => {
  const { call, story, until, client } = await talk(t)
  const details = await call(main, 'sessions_spawn', { task: 'count to three', label: 'counter' })
  t.match(details, {
    status: 'accepted', childSessionKey: /^agent:main:subagent:[0-9a-f-]{36}$/, runId: String, mode: 'run', context: 'isolated',
    resolvedModel: 'echo/echo', resolvedProvider: 'echo', modelApplied: false, expectsCompletionMessage: true
  })
  const [report] = await until(async () => {
    const reports = reportsIn(await story(main))
    return reports.length > 0 && reports
  })
  t.match(report, /Helper "counter" is done/)
  t.match(report, /> Echo, a demonstration.*count to three/)
  t.match(await story(details['childSessionKey']), ['user: count to three', /^assistant: Echo/])
  const { payload } = await client.request('sessions.list', { spawnedBy: main })
  t.match(payload.sessions, [{ key: details['childSessionKey'], spawnedBy: main, spawnDepth: 1, label: 'counter', classification: 'subagent' }])
  await until(async () => (await call(main, 'subagents')).tasks[0].deliveryStatus === 'delivered')
  t.equal(reportsIn(await story(main)).length, 1)
})

t.test('what helpers said is quoted, so that none of it is an order', async t => {
  const { call, story, until } = await talk(t)
  await call(main, 'sessions_spawn', { task: 'say\n/words 3' })
  const report = await until(async () => reportsIn(await story(main))[0])
  t.notMatch(report, /^\//m)
})

t.test('limits hold: depth, helpers of one conversation, and agents that may be begun', async t => {
  const { call } = await talk(t, {
    config: { agents: { defaults: { subagents: { maxChildrenPerAgent: 1 } }, entries: { main: { default: true }, iris: {} } } }
  })
  t.match(await call(main, 'sessions_spawn', { task: 'x', agentId: 'iris' }), { status: 'forbidden', error: /allowAgents does not name it/ })
  t.match(await call(main, 'sessions_spawn', { task: 'x', model: 'nobody/none' }), { status: 'error', error: /nobody serves the model/ })
  const first = await call(main, 'sessions_spawn', { task: '/slow 5000\none two three four five six seven eight nine' })
  t.equal(first['status'], 'accepted')
  t.match(await call(main, 'sessions_spawn', { task: 'x' }), { status: 'forbidden', error: /maxChildrenPerAgent is 1/ })
  t.match(await call(first['childSessionKey'].replace('subagent:', 'subagent:x'), 'sessions_spawn', { task: 'x' }), { missing: true })
  t.match(await call(main, 'subagents', { action: 'cancel', taskId: 'all' }), { status: 'ok', cancelled: [first['runId']] })
})

t.test('calls side by side do not share the last place', async t => {
  const { say, call, client } = await talk(t, { config: { agents: { defaults: { subagents: { maxChildrenPerAgent: 1 } } } } })
  const order = '/tool sessions_spawn {"task":"/slow 2000\\none two three four"}'
  await say(main, `${order}\n${order}\n${order}`)
  const { payload } = await client.request('sessions.list', { kinds: ['subagent'] })
  t.equal(payload.count, 1)
  await call(main, 'subagents', { action: 'cancel', taskId: 'all' })
})

t.test('a helper of another agent works as that agent, when it may be begun', async t => {
  const { call, story, until } = await talk(t, {
    config: { agents: { entries: { main: { default: true, subagents: { allowAgents: ['iris'] } }, iris: {}, other: {} } } }
  })
  t.match(await call(main, 'agents_list'), { requester: 'main', allowAny: false, agents: [{ id: 'main' }, { id: 'iris', model: 'echo/echo', configured: true }] })
  const { childSessionKey } = await call(main, 'sessions_spawn', { task: 'look', agentId: 'iris' })
  t.match(childSessionKey, /^agent:iris:subagent:/)
  await until(async () => reportsIn(await story(main)).length === 1)
  t.match(await call(main, 'sessions_spawn', { task: 'look', agentId: 'iris', context: 'fork' }), { status: 'forbidden', error: /only a helper of the same agent/ })
})

t.test('a forked helper knows the conversation, and its cost is counted once', async t => {
  const { say, call, story, client } = await talk(t)
  await say(main, 'the word is plum')
  const { childSessionKey } = await call(main, 'sessions_spawn', { task: 'which word', context: 'fork' })
  t.match((await story(childSessionKey)).slice(0, 2), ['user: the word is plum', /^assistant: Echo/])
  t.notMatch((await story(childSessionKey)).join('\n'), /toolCall/)
  const { payload } = await client.request('sessions.describe', { key: childSessionKey })
  t.ok(payload)
})

t.test('waiting sees helpers done, and cancelling one takes its report away', async t => {
  const { call, story } = await talk(t)
  await call(main, 'sessions_spawn', { task: '/slow 30\none two three', label: 'quick' })
  t.match(await call(main, 'subagents', { action: 'wait', timeoutSeconds: 10 }), { status: 'ok', action: 'wait', active: [], recent: [{ label: 'quick', status: 'done' }] })
  const slow = await call(main, 'sessions_spawn', { task: '/slow 5000\none two three four five six', label: 'slow' })
  t.match(await call(main, 'subagents', { action: 'wait', taskId: 'slow', timeoutSeconds: 0 }), { status: 'timeout', active: [{ label: 'slow', status: 'running' }] })
  t.match(await call(main, 'subagents', { action: 'cancel', taskId: slow['runId'] }), { cancelled: [slow['runId']] })
  t.match(await call(main, 'subagents', { action: 'list' }), { active: [], tasks: [{ label: 'slow', status: 'cancelled', deliveryStatus: 'unwanted' }, { label: 'quick', status: 'completed' }] })
  t.match(reportsIn(await story(main)), [/Helper "quick"/])
  t.match(await call('agent:main:elsewhere', 'subagents', { action: 'cancel', taskId: slow['runId'] }), { status: 'error', error: /no helper/ })
})

t.test('a helper that fails or takes too long says so', async t => {
  const { call, story, until } = await talk(t)
  await call(main, 'sessions_spawn', { task: '/fail refusal', label: 'broken' })
  await until(async () => reportsIn(await story(main)).some(line => /Helper "broken" failed/.test(line)))
  await call(main, 'sessions_spawn', { task: '/slow 3000\none two three', label: 'late', runTimeoutSeconds: 1 })
  await until(async () => reportsIn(await story(main)).some(line => /Helper "late" took too long/.test(line)))
})

t.test('cleanup delete leaves no session behind', async t => {
  const { call, until, client } = await talk(t)
  await call(main, 'sessions_spawn', { task: 'brief', cleanup: 'delete' })
  await until(async () => (await client.request('sessions.list', { kinds: ['subagent'] }))['payload'].count === 0)
})

t.test('whoever does not hold the gateway begins helpers that do not hold it either', async t => {
  const { gateway } = await talk(t)
  const { client } = await admitted(gateway.url, { scopes: ['operator.read', 'operator.write'] })
  const { call, story, until } = await talkTo(client, gateway)
  const { childSessionKey } = await call(main, 'sessions_spawn', { task: '/tool gateway {"action":"config.get","path":"gateway.port"}' })
  await until(async () => reportsIn(await story(main)).length === 1)
  t.match((await story(childSessionKey)).join('\n'), /There is no tool named gateway/)
})
