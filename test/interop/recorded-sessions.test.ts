/** The life of a session, as it was recorded of the existing gateway (2026.9.6), asked of us again. */
import t from 'tap'
import { admitted, closeClient, startGateway, type Frame } from '../helper.ts'
import { recordedRowFields } from './recorded-turns.ts'

const key = 'agent:main:transcript-life'
const names = (value: object): string[] => Object.keys(value).sort()

t.test('a session is created, found, changed, reset, archived and deleted as recorded', async t => {
  const { url } = await startGateway(t)
  const { client: subscriber } = await admitted(url)
  await subscriber.request('sessions.subscribe', {})
  const { client } = await admitted(url)
  const ask = async (method: string, params: object): Promise<Frame> => client.request(method, params)
  const refused = async (method: string, params: object, error: object, name: string): Promise<void> => {
    t.match((await ask(method, params)).error, error, name)
  }

  const created = (await ask('sessions.create', { key, label: 'transcript' })).payload
  t.match(created, { ok: true, key, sessionId: String, entry: { sessionId: String, label: 'transcript', createdAt: Number, updatedAt: Number }, runStarted: false, resolved: Object })
  t.match((await ask('sessions.list', { limit: 1 })).payload, {
    ts: Number, path: String, count: 1, totalCount: 1, limitApplied: 1, hasMore: false, owners: [], defaults: { modelProvider: String, model: String, contextTokens: Number }, sessions: [{ key }]
  })
  // Ours says the name that people see, too.
  t.same((await ask('sessions.resolve', { label: 'transcript' })).payload, { ok: true, key, agentId: 'main', displayName: 'transcript' })
  await refused('sessions.resolve', { key: 'agent:main:none' }, { code: 'INVALID_REQUEST', message: /No session found: agent:main:none/ }, 'an unknown key')
  t.same((await ask('sessions.resolve', { key: 'agent:main:none', allowMissing: true })).payload, { ok: false })
  t.match((await ask('sessions.describe', { key })).payload, { session: { key, label: 'transcript', kind: 'direct', archived: false, pinned: false, unread: false } })
  t.match((await ask('sessions.patch', { key, label: 'transcript-2' })).payload, { ok: true, path: String, key, entry: { label: 'transcript-2' }, resolved: Object })
  await refused('sessions.patch', { key, model: 'none/none' }, { code: 'INVALID_REQUEST', message: /^Unknown provider/ }, 'an unknown provider')
  t.match((await ask('sessions.preview', { keys: [key, 'agent:main:none'] })).payload, {
    ts: Number, previews: [{ key, status: 'empty', items: [] }, { key: 'agent:main:none', status: 'missing', items: [] }]
  })
  await refused('sessions.reset', { key, expectedSessionId: 'stale' }, { code: 'INVALID_REQUEST', message: /changed before reset/, details: { reason: 'session-changed' } }, 'a stale reset')
  t.match((await ask('sessions.reset', { key })).payload, { ok: true, key, entry: { sessionId: created.sessionId, label: 'transcript-2' }, resolved: Object })
  await refused('sessions.patch', { key, archived: true }, { code: 'INVALID_REQUEST', message: /expectedSessionId required/ }, 'archiving blindly')
  t.match((await ask('sessions.patch', { key, archived: true, expectedSessionId: created.sessionId })).payload, { ok: true, entry: { archivedAt: Number } })
  const deleted = (await ask('sessions.delete', { key })).payload
  t.match(deleted, { ok: true, key, deleted: true, archived: Array })
  t.same((await ask('sessions.delete', { key })).payload, { ok: true, key, deleted: false, archived: [] }, 'deleting again')
  await refused('sessions.delete', { key: 'agent:main:main' }, { code: 'INVALID_REQUEST', message: /Cannot delete the main session/i }, 'the main session')
  await refused('sessions.send', { key: 'agent:main:none', message: 'x', idempotencyKey: 'x' }, { code: 'INVALID_REQUEST', message: /session not found/ }, 'sending into nothing')

  await subscriber.frame(({ event, payload }) => event === 'sessions.changed' && payload.reason === 'delete')
  const changes = subscriber.frames.filter(({ event }) => event === 'sessions.changed').map(({ payload }) => payload)
  t.same([...new Set(changes.map(({ reason }) => reason))], ['create', 'patch', 'reset', 'delete'])
  t.match(changes.find(({ reason }) => reason === 'delete'), { sessionKey: key, sessionId: created.sessionId, agentId: 'main', ts: Number })
  const row = changes.find(({ reason }) => reason === 'create')!.session as object
  t.same(recordedRowFields.split(' ').filter(field => !names(row).includes(field)), [
    'effectiveFastMode', 'effectiveFastModeSource', 'fastAutoOnSeconds', 'permissionModePending', 'thinkingLevels', 'thinkingOptions',
    'activitySummary', 'agentRuntime', 'runtimeSelectionLocked', 'snapshotAt'
  ], 'not in our rows: what belongs to plugins, to several people, and to a choice of speed')
  await Promise.all([client, subscriber].map(closeClient))
})
