import t from 'tap'
import { createMemoryStore } from '../../../src/store/memory/memory-store.ts'
import { admitted, startGateway } from '../../helper.ts'
import { talk, talkTo } from './talk.ts'

const main = 'agent:main:main'
const reportsIn = (story: readonly string[]): string[] => story.filter(line => line.startsWith('user: [Inter-session message] '))
const nested = { config: { agents: { defaults: { subagents: { maxSpawnDepth: 2 } } } } }

t.test('helpers begin helpers as deep as they may, and reports climb past those that are done', async t => {
  const { call, story, until, client } = await talk(t, nested)
  const task = `/tool sessions_spawn ${JSON.stringify({ task: '/slow 60\none two three four five', label: 'grandchild' })}`
  const { childSessionKey } = await call(main, 'sessions_spawn', { task, label: 'child' })
  await until(async () => reportsIn(await story(main)).length === 2)
  t.match(reportsIn(await story(main)), [/Helper "child" is done/, /Helper "grandchild" is done/])
  t.equal(reportsIn(await story(childSessionKey)).length, 0, 'who is done is not woken')
  const { payload } = await client.request('sessions.list', { spawnedBy: childSessionKey })
  t.match(payload.sessions, [{ label: 'grandchild', spawnDepth: 2 }])
  t.match(await call(main, 'subagents'), { total: 2, callerIsSubagent: false, recent: [{ label: 'grandchild' }, { label: 'child' }] })
})

t.test('a helper that waits hears of its own helper first', async t => {
  const { call, story, until } = await talk(t, nested)
  const task = `/tool sessions_spawn ${JSON.stringify({ task: 'brief', label: 'grandchild' })}\n/tool subagents {"action":"wait","timeoutSeconds":10}\n/slow 10\none two three four five six seven eight`
  const { childSessionKey } = await call(main, 'sessions_spawn', { task, label: 'child' })
  await until(async () => reportsIn(await story(main)).some(line => /"child" is done/.test(line)))
  t.match(reportsIn(await story(childSessionKey)), [/Helper "grandchild" is done/])
  t.notMatch(reportsIn(await story(main)).join('\n'), /Helper "grandchild"/)
})

t.test('who cancels a helper cancels what it began', async t => {
  const { call, until } = await talk(t, nested)
  const task = `/tool sessions_spawn ${JSON.stringify({ task: '/slow 5000\none two three', label: 'grandchild' })}\n/slow 5000\none two three`
  await call(main, 'sessions_spawn', { task, label: 'child' })
  await until(async () => (await call(main, 'subagents'))['active'].length === 2)
  await call(main, 'subagents', { action: 'cancel', taskId: 'child' })
  await until(async () => (await call(main, 'subagents'))['active'].length === 0)
  const { tasks } = await call(main, 'subagents')
  t.match(tasks, [{ status: 'cancelled', deliveryStatus: 'unwanted' }, { status: 'cancelled', deliveryStatus: 'unwanted' }])
})

t.test('no more helpers work at once than the configuration says', async t => {
  const { call, gateway, until } = await talk(t, { config: { agents: { defaults: { subagents: { maxConcurrent: 1 } } } } })
  for (const [label, task] of [['a', '/slow 5000\none two three four'], ['b', 'brief']]) await call(main, 'sessions_spawn', { task, label })
  const lane = () => gateway.gateway.rooms.runs.stats().lanes.find(({ lane }) => lane === 'subagent')
  t.match(lane(), { active: 1, queued: 1, max: 1 })
  await call(main, 'subagents', { action: 'cancel', taskId: 'a' })
  await until(async () => (await call(main, 'subagents'))['active'].length === 0)
  t.match((await call(main, 'subagents'))['tasks'], [{ label: 'b', status: 'completed' }, { label: 'a', status: 'cancelled' }], 'who waited had its turn')
  t.match(lane(), { active: 0, queued: 0 })
})

t.test('whoever waits is told also when a person deletes the session of the helper', async t => {
  const { call, client, story, until } = await talk(t)
  const { childSessionKey } = await call(main, 'sessions_spawn', { task: '/slow 3000\none two three', label: 'gone' })
  await client.request('sessions.abort', { key: childSessionKey })
  await client.request('sessions.delete', { key: childSessionKey })
  await until(async () => reportsIn(await story(main)).some(line => /Helper "gone" was stopped/.test(line)))
  t.equal(reportsIn(await story(main)).length, 1)
})

t.test('a report for a conversation that is gone begins none', async t => {
  const { say, call, client, until } = await talk(t)
  await say('agent:main:short', 'hello')
  const { childSessionKey } = await call('agent:main:short', 'sessions_spawn', { task: '/slow 40\none two three four five' })
  await client.request('sessions.delete', { key: 'agent:main:short' })
  await until(async () => (await client.request('sessions.describe', { key: childSessionKey }))['payload'].session?.status === 'done')
  await new Promise(resolve => setTimeout(resolve, 100))
  const { payload } = await client.request('sessions.list', { search: ':short' })
  t.equal(payload.count, 0)
})

t.test('helpers that are done are put away after a while', async t => {
  // The same disk for both gateways.
  const store = { ...createMemoryStore(), close: async () => {} }
  let now = Date.now()
  const first = await startGateway(t, { store, now: () => now })
  const { client } = await admitted(first.url)
  const before = await talkTo(client, first)
  const { childSessionKey } = await before.call(main, 'sessions_spawn', { task: 'brief' })
  await before.until(async () => (await before.call(main, 'subagents'))['tasks'][0].deliveryStatus === 'delivered')
  await first.gateway.stop()
  now += 61 * 60_000
  const second = await startGateway(t, { store, now: () => now, stateDir: first.stateDir })
  const { client: later } = await admitted(second.url)
  const after = await talkTo(later, second)
  await after.until(async () => second.gateway.rooms.sessions.get(childSessionKey)?.archived)
  t.match(second.gateway.rooms.sessions.get(childSessionKey), { archived: true, archivedReason: 'subagent-done' })
  t.equal((await after.call(main, 'sessions_list', { kinds: ['subagent'] }))['count'], 0)
})

t.test('a sandboxed conversation reaches what it began, and begins nothing outside the sandbox', async t => {
  const { say, call, until } = await talk(t, {
    config: { agents: { entries: { main: { default: true, sandbox: { mode: 'all' }, subagents: { allowAgents: ['iris'] } }, iris: { sandbox: { mode: 'off' } } } } }
  })
  await say('agent:main:other', 'hello')
  t.match(await call(main, 'sessions_spawn', { task: 'x', agentId: 'iris' }), { status: 'forbidden', error: /no helper outside the sandbox/ })
  const { childSessionKey } = await call(main, 'sessions_spawn', { task: 'brief' })
  await until(async () => (await call(main, 'subagents'))['active'].length === 0)
  const { sessions, visibility } = await call(main, 'sessions_list')
  t.same(sessions.map(({ key }: { key: string }) => key).sort(), [main, childSessionKey].sort())
  t.equal(visibility, 'tree')
  t.match(await call(main, 'sessions_history', { sessionKey: 'agent:main:other' }), { status: 'forbidden', error: /sandboxed conversation/ })
})
