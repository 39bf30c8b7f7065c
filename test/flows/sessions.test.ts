import { readFileSync, statSync } from 'node:fs'
import t from 'tap'
import { contractProblem } from '../contract.ts'
import { eventually } from '../fixtures/eventually.ts'
import { admitted, closeClient, startGateway, type Frame, type TestClient } from '../helper.ts'

const events = (client: TestClient, event: string): Frame[] => client.frames.filter(frame => frame.type === 'event' && frame.event === event)
const fits = (definition: string, value: unknown): string | undefined => contractProblem(definition, value)
const main = 'agent:main:main'

/** Says something in a session and waits until it is answered. */
async function say (client: TestClient, sessionKey: string, message: string): Promise<void> {
  const idempotencyKey = `${sessionKey}-${message}-${client.frames.length}`
  const { ok, error } = await client.request('chat.send', { sessionKey, message, idempotencyKey })
  if (!ok) throw new Error(JSON.stringify(error))
  const { payload } = await client.request('agent.wait', { runId: idempotencyKey, timeoutMs: 20_000 }, 22_000)
  if (payload.status !== 'ok') throw new Error(JSON.stringify(payload))
}

t.test('the life of a session over the wire', async t => {
  const { url, stateDir } = await startGateway(t)
  const { client } = await admitted(url)
  const { client: watcher } = await admitted(url, { scopes: ['operator.read'] })
  t.match(await watcher.request('sessions.subscribe', {}), { ok: true, payload: { subscribed: true } })

  const key = 'agent:main:life'
  const created = await client.request('sessions.create', { key, label: 'life' })
  t.equal(fits('SessionsCreateResult', created.payload), undefined)
  t.match(created.payload, { ok: true, key, runStarted: false, entry: { label: 'life', createdVia: 'operator', parentSessionKey: main }, resolved: { modelProvider: 'echo', model: 'echo' } })
  const { sessionId } = created.payload
  const told = await watcher.event('sessions.changed')
  t.match(told.payload, { sessionKey: key, agentId: 'main', reason: 'create', label: 'life', sessionId, archivedAt: null, session: { key, kind: 'direct', classification: 'custom' } })
  t.equal(fits('SessionRow', told.payload.session), undefined)

  t.match(await client.request('sessions.resolve', { label: 'life' }), { payload: { ok: true, key, agentId: 'main' } })
  t.match(await client.request('sessions.resolve', { key: 'agent:main:none' }), { ok: false, error: { code: 'INVALID_REQUEST', message: 'No session found: agent:main:none' } })
  const missing = await client.request('sessions.resolve', { key: 'agent:main:none', allowMissing: true })
  t.same(missing.payload, { ok: false })
  t.equal(fits('SessionsResolveResult', missing.payload), undefined)
  t.match(await client.request('sessions.resolve', { sessionId }), { payload: { key } })
  t.match(await client.request('sessions.resolve', { shortId: sessionId.slice(0, 8) }), { payload: { key } })
  t.match(await client.request('sessions.describe', { key: 'agent:main:none' }), { payload: { session: null } })

  t.match(await client.request('sessions.patch', { key, label: 'life-2', model: 'echo/echo' }), { payload: { ok: true, key, entry: { label: 'life-2', providerOverride: 'echo', modelOverride: 'echo', modelOverrideSource: 'user' } } })
  t.match(await client.request('sessions.patch', { key, model: null }), { payload: { entry: { modelOverrideSource: 'default', modelOverride: undefined } } })
  t.match(await client.request('sessions.preview', { keys: [key, 'agent:main:none'] }), { payload: { previews: [{ key, status: 'empty', items: [] }, { key: 'agent:main:none', status: 'missing', items: [] }] } })

  await say(client, key, 'hello there')
  const { payload: { session } } = await client.request('sessions.describe', { key, includeDerivedTitles: true, includeLastMessage: true })
  t.equal(fits('SessionRow', session), undefined)
  t.match(session, { key, status: 'done', hasActiveRun: false, derivedTitle: 'life-2', lastMessagePreview: /hello there/, unread: true })
  const { payload: { messages } } = await client.request('sessions.get', { key })
  t.match(messages, [{ role: 'user', content: 'hello there', __openclaw: { seq: 1 } }, { role: 'assistant', __openclaw: { seq: 2, id: String } }])
  t.match((await client.request('sessions.preview', { keys: [key] })).payload.previews[0], { status: 'ok', items: [{ role: 'user', text: 'hello there' }, { role: 'assistant' }] })
  const branches = await client.request('sessions.branches.list', { sessionKey: key })
  t.equal(fits('SessionsBranchesListResult', branches.payload), undefined)
  t.match(branches.payload.branches, [{ active: true, messageCount: 2, leafEntryId: messages[1].__openclaw.id }])

  t.match(await client.request('sessions.reset', { key, expectedSessionId: 'stale' }), { error: { code: 'INVALID_REQUEST', message: `Session ${key} changed before reset. Retry.`, details: { reason: 'session-changed' } } })
  t.match(await client.request('sessions.reset', { key }), { payload: { ok: true, key, entry: { sessionId, inputTokens: 0, outputTokens: 0, totalTokens: 0, compactionCount: 0, label: 'life-2' } } })

  t.match(await client.request('sessions.patch', { key, archived: true }), { error: { message: `expectedSessionId required for session lifecycle patch: ${key}` } })
  t.match(await client.request('sessions.patch', { key, archived: true, expectedSessionId: sessionId }), { payload: { entry: { archived: true, archivedAt: Number, archiveReason: 'manual' } } })
  t.match((await client.request('sessions.list', {})).payload, { sessions: [], totalCount: 0 })
  t.match((await client.request('sessions.list', { archived: true })).payload, { sessions: [{ key, archived: true }], totalCount: 1 })
  t.match(await client.request('sessions.patch', { key, archived: false }), { ok: true })

  const removed = await client.request('sessions.delete', { key })
  t.equal(fits('SessionsDeleteResult', removed.payload), undefined)
  t.match(removed.payload, { ok: true, key, deleted: true })
  const [file] = removed.payload.archived
  t.ok(file.startsWith(stateDir), 'the transcript rests beside the state')
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.match(readFileSync(file, 'utf8').trim().split('\n').map(line => JSON.parse(line)), [
    { type: 'session', version: 4, id: sessionId, key }, { type: 'message', message: { content: 'hello there' } }, { type: 'message' }, { type: 'reset' }
  ])
  t.same((await client.request('sessions.delete', { key })).payload, { ok: true, key, deleted: false, archived: [] })
  t.match(await client.request('sessions.delete', { key: main }), { error: { code: 'INVALID_REQUEST', message: `Cannot delete the main session (${main}).` } })

  const gone = await watcher.frame(frame => frame.event === 'sessions.changed' && frame.payload.reason === 'delete')
  t.match(gone.payload, { sessionKey: key, sessionId, agentId: 'main' })
  t.notHas(gone.payload, { session: {} })
  const reasons = events(watcher, 'sessions.changed').map(({ payload }) => payload.reason)
  t.ok(['create', 'patch', 'reset', 'delete'].every(reason => reasons.includes(reason)), reasons.join())
  for (const { payload } of events(watcher, 'sessions.changed')) if (payload.session) t.equal(fits('SessionRow', payload.session), undefined)
  await Promise.all([closeClient(client), closeClient(watcher)])
})

t.test('messages are told to those who follow their session, and to nobody else', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  const { client: follower } = await admitted(url, { scopes: ['operator.sessions.read'] })
  const { client: stranger } = await admitted(url)
  t.match((await follower.request('sessions.messages.subscribe', { key: 'main', includeApprovals: true })).payload, { subscribed: true, key: main, approvalReplay: { sessionKey: main, approvals: [], truncated: false } })
  await say(client, 'main', 'one')
  await say(client, 'agent:main:other', 'elsewhere')
  const heard = await follower.frame(frame => frame.event === 'session.message' && frame.payload.message.role === 'assistant')
  t.match(heard.payload, { sessionKey: main, agentId: 'main', messageId: String, messageSeq: 2, session: { key: main }, message: { __openclaw: { id: heard.payload.messageId, seq: 2, runId: String } } })
  t.same(events(follower, 'session.message').map(({ payload }) => payload.sessionKey), [main, main])
  t.same(events(stranger, 'session.message'), [])

  t.match((await follower.request('sessions.messages.unsubscribe', { key: main })).payload, { subscribed: false, key: main })
  await say(client, 'main', 'two')
  await follower.request('health')
  t.equal(events(follower, 'session.message').length, 2)
  for (const each of [client, follower, stranger]) await closeClient(each)
})

t.test('what a connection follows is forgotten with it', async t => {
  const { url, gateway } = await startGateway(t)
  const { client } = await admitted(url)
  await client.request('sessions.subscribe', { limit: 1 })
  await client.request('sessions.messages.subscribe', { key: main })
  t.match((await client.request('sessions.viewers.set', { sessionKeys: ['main', main] })).payload, { sessionKeys: [main] })
  t.same(gateway.rooms.sessions.subscribers.stats(), { connections: 1, messages: 1 })
  await closeClient(client)
  const { subscribers } = gateway.rooms.sessions
  await eventually(() => subscribers.stats(), ({ connections, messages }) => connections === 0 && messages === 0)
  t.same(subscribers.viewers(main), [])
})

t.test('lists are paged, filtered and say how much there is', async t => {
  let atMs = Date.UTC(2027, 0, 31, 12)
  const { url } = await startGateway(t, { config: { agents: { entries: { main: { default: true }, iris: {} } } }, now: () => atMs })
  const { client } = await admitted(url)
  for (const key of ['agent:main:a', 'agent:main:b', 'iris-main', 'agent:main:cron:job']) {
    atMs += 1000
    t.ok((await client.request('sessions.create', { key, displayName: `Title of ${key}` })).ok)
  }
  await client.request('sessions.patch', { key: 'agent:main:a', pinned: true })
  const list = async (params: object) => (await client.request('sessions.list', params)).payload
  const keys = async (params: object) => (await list(params)).sessions.map(({ key }: Frame) => key)
  t.same(await keys({}), ['agent:main:a', 'agent:main:cron:job', 'agent:iris:main', 'agent:main:b'], 'pinned first, then the newest')
  t.match(await list({ limit: 2 }), { count: 2, totalCount: 4, limitApplied: 2, nextOffset: 2, hasMore: true, ts: Number, path: String, owners: [], defaults: { modelProvider: 'echo' } })
  t.match(await list({ limit: 2, offset: 2 }), { count: 2, totalCount: 4, offset: 2, nextOffset: null, hasMore: false })
  t.same(await keys({ limit: 2, offset: 2 }), ['agent:iris:main', 'agent:main:b'])
  t.same(await keys({ agentId: 'iris' }), ['agent:iris:main'])
  t.same(await keys({ search: 'TITLE OF AGENT:MAIN:B' }), ['agent:main:b'])
  t.same(await keys({ kinds: ['cron'] }), ['agent:main:cron:job'])
  t.same(await keys({ spawnedBy: main }), ['agent:main:a', 'agent:main:cron:job', 'agent:main:b'])
  t.same(await keys({ limit: 1, thisFieldIsNewer: true }), ['agent:main:a'])
  t.match(await client.request('sessions.list', { limit: 0 }), { error: { message: /^invalid sessions.list params: at \/limit/ } })
  t.match((await client.request('sessions.subscribe', { limit: 1 })).payload, { subscribed: true, list: { count: 1, totalCount: 4 } })
  for (const row of (await list({ archived: 'all' })).sessions) t.equal(fits('SessionRow', row), undefined)
  await closeClient(client)
})

t.test('a session can begin with a message, and exists also when the message is refused', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  const { payload } = await client.request('sessions.create', { message: 'hi', idempotencyKey: 'first-turn' })
  t.match(payload, { ok: true, key: /^agent:main:dashboard:/, runStarted: true, runId: 'first-turn', status: 'started', entry: { parentSessionKey: main } })
  t.match((await client.request('agent.wait', { runId: 'first-turn', timeoutMs: 20_000 }, 22_000)).payload, { status: 'ok' })
  t.equal((await client.request('sessions.create', { message: 'hi', idempotencyKey: 'first-turn' })).payload.key, payload.key, 'a repeated request begins nothing')

  const refused = await client.request('sessions.create', { key: 'agent:main:refused', message: '', attachments: [{ mimeType: 'text/plain', content: 'eA==' }] })
  t.equal(fits('SessionsCreateResult', refused.payload), undefined)
  t.match(refused.payload, { ok: true, runStarted: false, runError: { code: 'INVALID_REQUEST', message: /only images/ } })
  t.match((await client.request('sessions.describe', { key: 'agent:main:refused' })).payload.session, { key: 'agent:main:refused' })
  t.match(await client.request('sessions.create', { key: 'agent:main:x', worktree: true }), { error: { code: 'UNAVAILABLE', details: { reason: /worktree/ } } })
  t.match((await client.request('sessions.describe', { key: 'agent:main:x' })).payload, { session: null })
  await closeClient(client)
})

t.test('many sessions are changed at once, each with its own outcome', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  for (const key of ['agent:main:a', 'agent:main:b']) await client.request('sessions.create', { key })
  const targets = [{ key: 'agent:main:a' }, { key: 'agent:main:none' }, { key: 'agent:main:b', expectedSessionId: 'stale' }]
  const { payload } = await client.request('sessions.patchMany', { targets, patch: { category: 'Work' } })
  t.equal(fits('SessionsPatchManyResult', payload), undefined)
  t.match(payload.outcomes, [{ ok: true, key: 'agent:main:a' }, { ok: false, error: { message: 'session not found: agent:main:none' } }, { ok: false, error: { message: /changed before patch/ } }])

  t.match((await client.request('sessions.groups.put', { names: ['Work', 'Home', 'Work'] })).payload, { ok: true, groups: [{ name: 'Work', position: 0 }, { name: 'Home', position: 1 }] })
  const renamed = await client.request('sessions.groups.rename', { name: 'Work', to: 'Office' })
  t.equal(fits('SessionsGroupsMutationResult', renamed.payload), undefined)
  t.match(renamed.payload, { updatedSessions: 1, groups: [{ name: 'Office' }, { name: 'Home' }] })
  t.match((await client.request('sessions.describe', { key: 'agent:main:a' })).payload.session, { category: 'Office' })
  const updated = await client.request('sessions.groups.update', { name: 'Office', cwd: '/srv', worktree: false })
  t.equal(fits('SessionsGroupsUpdateResult', updated.payload), undefined)
  t.same((await client.request('sessions.groups.defaults', {})).payload, { defaults: [{ name: 'Office', cwd: '/srv', worktree: false }] })
  t.match((await client.request('sessions.groups.delete', { name: 'Office' })).payload, { updatedSessions: 1, groups: [{ name: 'Home', position: 0 }] })
  t.notHas((await client.request('sessions.describe', { key: 'agent:main:a' })).payload.session, { category: String })
  t.equal(fits('SessionsGroupsListResult', (await client.request('sessions.groups.list', {})).payload), undefined)
  t.match(await client.request('sessions.groups.rename', { name: 'Nowhere', to: 'x' }), { error: { message: /unknown group/ } })
  await closeClient(client)
})

t.test('what was said is found again, and what it used is added up', async t => {
  let atMs = Date.UTC(2027, 0, 31, 12)
  const { url } = await startGateway(t, { now: () => atMs })
  const { client } = await admitted(url)
  await say(client, 'main', 'The blue elephant sleeps')
  atMs += 1000
  await say(client, 'agent:main:other', 'nothing of interest')
  const found = await client.request('sessions.search', { query: 'BLUE elephant' })
  t.equal(fits('SessionsSearchResult', found.payload), undefined)
  t.match(found.payload.results.find(({ role }: Frame) => role === 'user'), { sessionKey: main, snippet: 'The blue elephant sleeps', score: Number })
  t.same((await client.request('sessions.search', { query: 'blue', sessionKeys: ['agent:main:other'] })).payload, { results: [] })

  const { payload } = await client.request('sessions.usage', { range: '7d' })
  t.match(payload, { totals: { totalTokens: Number, totalCost: Number }, sessions: [{ key: 'agent:main:other', usage: { messageCounts: { user: 1, assistant: 1 } } }, { key: main }], aggregates: { byModel: [{ provider: 'echo', model: 'echo', count: 2 }] } })
  t.equal(payload.sessions.reduce((sum: number, { usage }: Frame) => sum + usage.totalTokens, 0), payload.totals.totalTokens)
  t.equal(payload.aggregates.daily.reduce((sum: number, { tokens }: Frame) => sum + tokens, 0), payload.totals.totalTokens)
  t.same((await client.request('sessions.usage', { startDate: '2020-01-01', endDate: '2020-01-02' })).payload.sessions, [])
  const { payload: series } = await client.request('sessions.usage.timeseries', { key: 'main' })
  t.match(series.points, [{ totalTokens: payload.sessions[1].usage.totalTokens, cumulativeTokens: payload.sessions[1].usage.totalTokens }])
  t.match((await client.request('sessions.usage.logs', { key: 'main' })).payload.logs, [{ role: 'user', content: 'The blue elephant sleeps' }, { role: 'assistant', tokens: Number }])
  t.match(await client.request('sessions.usage.logs', { key: 'agent:main:none' }), { error: { message: 'session not found: agent:main:none', details: { code: 'SESSION_UNKNOWN', nextStep: /sessions list/ } } })
  await closeClient(client)
})

t.test('a conversation is cut to a few lines on request', async t => {
  const { url } = await startGateway(t)
  const { client } = await admitted(url)
  await client.request('sessions.subscribe', {})
  for (const text of ['one', 'two', 'three']) await say(client, 'main', text)
  t.match((await client.request('sessions.compact', { key: 'main', maxLines: 2 })).payload, { ok: true, key: main, compacted: true, kept: 2 })
  t.match((await client.request('sessions.compact', { key: 'main', maxLines: 2 })).payload, { ok: true, compacted: false })
  t.match(await client.request('sessions.compact', { key: 'agent:main:none', maxLines: 2 }), { error: { message: 'session not found: agent:main:none' } })
  const operations = events(client, 'session.operation')
  t.match(operations.map(({ payload }) => payload.phase), ['start', 'end', 'start', 'end'])
  for (const { payload } of operations) t.equal(fits('SessionOperationEvent', payload), undefined)
  t.match((await client.request('sessions.get', { key: 'main' })).payload.messages.at(-1), { role: 'system', content: [{ text: 'Compaction' }], __openclaw: { kind: 'compaction' } })
  await closeClient(client)
})
