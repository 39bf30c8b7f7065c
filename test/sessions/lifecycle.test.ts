import { existsSync, readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { assistantMessage, openRoom, startOfTest, userMessage } from './open-room.ts'

const key = 'agent:main:exp-a'
const target = { key, agentId: 'main' }

t.test('beginning a session that is there changes it and begins nothing', async t => {
  const { sessions } = await openRoom(t)
  const first = await sessions.lifecycle.create(target, { label: 'one', displayName: 'Title', model: 'openai/gpt-5', thinkingLevel: 'low', overrides: { fastMode: true } })
  t.match(first, { created: true, record: { label: 'one', displayName: 'Title', providerOverride: 'openai', modelOverride: 'gpt-5', overrides: { fastMode: true }, parentSessionKey: 'agent:main:main' } })
  const again = await sessions.lifecycle.create(target, { label: 'two', displayName: 'Other title' })
  t.match(again, { created: false, record: { label: 'two', displayName: 'Title', sessionId: first.record.sessionId, modelOverride: 'gpt-5' } })
  const same = await sessions.lifecycle.create(target, {})
  t.equal(same.record, again.record, 'asking for nothing writes nothing')
})

t.test('no two sessions have one label', async t => {
  const { sessions } = await openRoom(t)
  await sessions.lifecycle.create(target, { label: 'taken' })
  const other = { key: 'agent:main:exp-b', agentId: 'main' }
  await t.rejects(sessions.lifecycle.create(other, { label: 'taken' }), { code: 'SESSION_LABEL_TAKEN', details: { key } })
  t.equal(sessions.get(other.key), undefined)
  await sessions.lifecycle.create(other, {})
  await t.rejects(sessions.lifecycle.patch(other.key, { label: 'taken' }), { code: 'SESSION_LABEL_TAKEN' })
  await sessions.lifecycle.patch(key, { label: 'taken' })
  await sessions.lifecycle.patch(key, { label: null })
  t.match(await sessions.lifecycle.patch(other.key, { label: 'taken' }), { label: 'taken' })
})

t.test('the main session is there for everybody; any other has to be begun', async t => {
  const { sessions } = await openRoom(t)
  t.match(await sessions.lifecycle.patch('agent:main:main', { thinkingLevel: 'high' }), { thinkingLevel: 'high', createdVia: 'operator' })
  t.match(await sessions.lifecycle.reset('agent:iris:main', {}), { key: 'agent:iris:main', messageCount: 0 })
  await t.rejects(sessions.lifecycle.patch(key, { thinkingLevel: 'high' }), { code: 'SESSION_UNKNOWN' })
  await t.rejects(sessions.lifecycle.reset(key, {}), { code: 'SESSION_UNKNOWN' })
  await t.rejects(sessions.lifecycle.remove('agent:iris:main', {}), { code: 'SESSION_PROTECTED' })
  await t.rejects(sessions.lifecycle.patch('agent:main:main', { archived: true, expectedSessionId: sessions.get('agent:main:main')!.sessionId }), { code: 'SESSION_PROTECTED' })
})

t.test('who believes something else of a session changes nothing', async t => {
  const { sessions, clock } = await openRoom(t)
  const { record } = await sessions.lifecycle.create(target, {})
  const stale = [
    { expectedSessionId: 'other' }, { expectedLifecycleRevision: '1' }, { expectedPermissionMode: 'full' }, { expectedMarkedUnreadAt: 5 }
  ]
  for (const expectation of stale) await t.rejects(sessions.lifecycle.patch(key, { label: 'x', ...expectation }), { code: 'SESSION_CHANGED', details: { reason: 'session-changed' } })
  await t.rejects(sessions.lifecycle.remove(key, { expectedSessionUpdatedAt: 1 }), { code: 'SESSION_CHANGED' })
  t.match(await sessions.lifecycle.patch(key, {
    label: 'x', expectedSessionId: record.sessionId, expectedLifecycleRevision: String(record.lifecycleRevision), expectedPermissionMode: null, expectedMarkedUnreadAt: null
  }), { label: 'x' })
  clock.now += 5
  const reset = await sessions.lifecycle.reset(key, { expectedLifecycleRevision: String(record.lifecycleRevision) })
  t.not(reset.lifecycleRevision, record.lifecycleRevision)
  await t.rejects(sessions.lifecycle.reset(key, { expectedLifecycleRevision: String(record.lifecycleRevision) }), { code: 'SESSION_CHANGED' }, 'the second of two who wanted the same')
})

t.test('settings that are not ours are kept as they came, and null takes them back', async t => {
  const { sessions } = await openRoom(t)
  await sessions.lifecycle.create(target, {})
  t.match(await sessions.lifecycle.patch(key, { execHost: 'node', sendPolicy: 'deny', verboseLevel: 'full' }), { overrides: { execHost: 'node', sendPolicy: 'deny' }, verboseLevel: 'full' })
  t.same((await sessions.lifecycle.patch(key, { execHost: null })).overrides, { sendPolicy: 'deny' })
  t.notHas(await sessions.lifecycle.patch(key, { sendPolicy: null, verboseLevel: null }), { overrides: {}, verboseLevel: String })
})

t.test('what is unread is marked with its time, and reading it moves nothing', async t => {
  const { sessions, clock } = await openRoom(t)
  await sessions.write(key, { create: {}, lines: [assistantMessage('news')] })
  t.equal(sessions.get(key)!.unread, true)
  clock.now += 1_000
  t.match(await sessions.lifecycle.patch(key, { unread: false }), { unread: false, lastReadAt: clock.now, updatedAt: startOfTest })
  t.match(await sessions.lifecycle.patch(key, { unread: true }), { unread: true, markedUnreadAt: clock.now })
})

t.test('what runs is not put away', async t => {
  const { sessions } = await openRoom(t)
  const { record } = await sessions.write(key, { create: {}, patch: { status: 'running' } })
  await t.rejects(sessions.lifecycle.patch(key, { archived: true, expectedSessionId: record.sessionId }), { code: 'SESSION_ACTIVE' })
})

t.test('a model that nobody serves is refused with the way to list them', async t => {
  const { sessions } = await openRoom(t, { pickModel: name => name === 'fast' ? { provider: 'echo', model: 'echo' } : undefined })
  await sessions.lifecycle.create(target, {})
  t.match(await sessions.lifecycle.patch(key, { model: 'fast' }), { providerOverride: 'echo', modelOverride: 'echo' })
  await t.rejects(sessions.lifecycle.patch(key, { model: 'none/none' }), { code: 'INVALID_PARAMS', message: /Unknown provider or model "none\/none".*openclaw models list/ })
  await t.rejects(sessions.lifecycle.create({ key: 'agent:main:x', agentId: 'main' }, { model: 'none' }), { code: 'INVALID_PARAMS' })
  t.equal(sessions.get('agent:main:x'), undefined)
})

t.test('whatever is said before a session goes stands in its archive', async t => {
  const { sessions, archiveDir } = await openRoom(t)
  await sessions.write(key, { create: {}, lines: [userMessage('one')] })
  const writing = Array.from({ length: 20 }, (_, index) => sessions.write(key, { lines: [userMessage(`late ${index}`)] }).catch((error: Error) => error))
  const removing = sessions.lifecycle.remove(key, {})
  const said = (await Promise.all(writing)).filter(result => !(result instanceof Error)).length
  const { deleted, archived } = await removing
  t.ok(deleted)
  const lines = readFileSync(archived.at(-1)!, 'utf8').trim().split('\n').map(line => JSON.parse(line))
  t.equal(lines.filter(({ type }) => type === 'message').length, said + 1)
  t.equal(readdirSync(archiveDir).length, 1, 'and in no other')
  t.same(await sessions.lifecycle.remove(key, {}), { deleted: false, archived: [] })
})

t.test('each generation of a session has its own archive', async t => {
  const { sessions, clock } = await openRoom(t, { config: { session: { reset: { mode: 'idle', idleMinutes: 1 } } } })
  await sessions.write(key, { create: {}, lines: [userMessage('old')] })
  clock.now += 120_000
  await sessions.rollOver(key)
  await sessions.write(key, { lines: [userMessage('new')] })
  const { archived } = await sessions.lifecycle.remove(key, {})
  t.same(archived.map(file => JSON.parse(readFileSync(file, 'utf8').split('\n')[1]!).message.content), ['old', 'new'])
})

t.test('a conversation without a trace is deleted without one', async t => {
  const { sessions, archiveDir } = await openRoom(t)
  const secret = sessions.lifecycle.newKey('main', true)
  await sessions.write(secret, { create: {}, lines: [userMessage('psst')] })
  t.same(await sessions.lifecycle.remove(secret, {}), { deleted: true, archived: [] })
  t.equal(sessions.count(), 0)
  t.notOk(existsSync(archiveDir))
})

t.test('only so many conversations without a trace are kept, the oldest go first', async t => {
  const { sessions } = await openRoom(t)
  const keys = Array.from({ length: 70 }, () => sessions.lifecycle.newKey('main', true))
  for (const each of keys) await sessions.write(each, { create: {}, lines: [userMessage('psst')] })
  t.equal(sessions.count(), 64)
  t.equal(sessions.get(keys[0]!), undefined)
  t.ok(sessions.get(keys.at(-1)!))
})
