import { existsSync } from 'node:fs'
import t from 'tap'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import type { Store } from '../../src/store/store.ts'
import { admitted, closeClient, startGateway } from '../helper.ts'

/** The same store for the next gateway: the one that goes does not close it. */
const keptOpen = (store: Store): Store => ({ ...store, close: async () => {} })

t.test('who may do what to a session follows from the scope and from what is changed', async t => {
  const { url } = await startGateway(t)
  const { client: admin } = await admitted(url)
  const { client: writer } = await admitted(url, { scopes: ['operator.sessions.write'] })
  const { client: reader } = await admitted(url, { scopes: ['operator.sessions.read'] })
  const { client: nobody } = await admitted(url, { scopes: ['operator.pairing'] })
  const key = 'agent:main:rights'
  t.match(await reader.request('sessions.create', { key }), { error: { message: 'missing scope: operator.write' } })
  t.match(await writer.request('sessions.create', { key }), { ok: true })
  for (const method of ['sessions.list', 'sessions.subscribe']) {
    t.match(await reader.request(method, {}), { ok: true })
    t.match(await nobody.request(method, {}), { error: { message: 'missing scope: operator.read' } })
  }
  t.match(await writer.request('sessions.patch', { key, label: 'x', pinned: true, thinkingLevel: 'low', permissionMode: 'guarded' }), { ok: true })
  for (const patch of [{ permissionMode: 'full' }, { execHost: 'gateway' }, { label: 'x', sendPolicy: 'deny' }, { toolOverrides: null }]) {
    t.match(await writer.request('sessions.patch', { key, ...patch }), { error: { message: 'missing scope: operator.admin' } }, JSON.stringify(patch))
    t.match(await admin.request('sessions.patch', { key, ...patch }), { ok: true }, JSON.stringify(patch))
  }
  await admin.request('sessions.patch', { key, sendPolicy: null })
  for (const [method, params] of [
    ['chat.send', { sessionKey: key, message: 'x', idempotencyKey: 'x' }], ['sessions.send', { key, message: 'x' }], ['sessions.steer', { key, message: 'x' }],
    ['sessions.abort', { key }], ['chat.abort', { sessionKey: key }]
  ] as const) {
    t.match(await reader.request(method, params), { error: { message: 'missing scope: operator.write' } }, method)
    t.match(await writer.request(method, params), { ok: true }, method)
  }
  t.match(await writer.request('chat.send', { sessionKey: key, message: '/new', idempotencyKey: 'y' }), { error: { message: 'missing scope: operator.admin' } })
  t.match(await writer.request('sessions.patchMany', { targets: [{ key }], patch: { execAsk: 'off' } }), { error: { message: 'missing scope: operator.admin' } })
  t.match(await writer.request('sessions.create', { incognito: true }), { error: { message: 'missing scope: operator.admin' } })
  t.match((await admin.request('sessions.create', { incognito: true })).payload, { key: /^agent:main:dashboard:incognito-/ })
  t.match(await writer.request('sessions.delete', { key }), { error: { message: 'missing scope: operator.admin' } })
  t.match(await writer.request('sessions.delete', { key, archivedOnly: true }), { error: { message: `Session ${key} is not archived.` } })
  const { payload: { session } } = await writer.request('sessions.describe', { key })
  await writer.request('sessions.patch', { key, archived: true, expectedSessionId: session.sessionId })
  t.match(await writer.request('sessions.delete', { key, archivedOnly: true }), { payload: { deleted: true } })
  for (const each of [admin, writer, reader, nobody]) await closeClient(each)
})

t.test('a conversation that may not be written to takes no message, and goes on when it may', async t => {
  const { url } = await startGateway(t, { config: { session: { sendPolicy: { rules: [{ action: 'deny', match: { keyPrefix: 'closed' } }] } } } })
  const { client } = await admitted(url)
  const closed = { sessionKey: 'agent:main:closed', message: 'x', idempotencyKey: 'x' }
  for (const method of ['chat.send', 'agent']) {
    t.match(await client.request(method, closed), { error: { code: 'INVALID_REQUEST', details: { code: 'SEND_BLOCKED', key: closed.sessionKey } } }, method)
  }
  t.match((await client.request('sessions.list', {})).payload, { totalCount: 0 }, 'nothing was stored')
  await client.request('sessions.create', { key: closed.sessionKey })
  await client.request('sessions.patch', { key: closed.sessionKey, sendPolicy: 'allow' })
  t.match(await client.request('chat.send', closed), { payload: { status: 'started' } })
  await closeClient(client)
})

t.test('keys and ids that could be paths are refused by every method that takes one', async t => {
  const { url, stateDir } = await startGateway(t)
  const { client } = await admitted(url)
  const hostile = ['../../etc/passwd', 'agent:main:../../x', '..%2f..%2fetc', 'a\\..\\b', '/etc/passwd', 'x\u0000y']
  const calls: Array<(value: string) => [string, object]> = [
    key => ['sessions.describe', { key }], key => ['sessions.get', { key }], key => ['sessions.resolve', { key }], key => ['sessions.preview', { keys: [key] }],
    key => ['sessions.create', { key }], key => ['sessions.patch', { key, label: 'x' }], key => ['sessions.reset', { key }], key => ['sessions.delete', { key }],
    key => ['sessions.compact', { key }], key => ['sessions.messages.subscribe', { key }], key => ['sessions.messages.unsubscribe', { key }],
    key => ['sessions.usage', { key }], key => ['sessions.usage.logs', { key }], key => ['sessions.usage.timeseries', { key }],
    sessionKey => ['sessions.branches.list', { sessionKey }], key => ['sessions.viewers.set', { sessionKeys: [key] }], key => ['sessions.search', { query: 'x', sessionKeys: [key] }],
    key => ['sessions.cleanup', { activeKey: key }], sessionId => ['sessions.resolve', { sessionId }], key => ['sessions.create', { parentSessionKey: key }],
    sessionKey => ['chat.send', { sessionKey, message: 'x', idempotencyKey: 'x' }], key => ['sessions.send', { key, message: 'x' }]
  ]
  for (const call of calls) {
    for (const value of hostile) {
      const [method, params] = call(value)
      const { ok, error } = await client.request(method, params)
      t.notOk(ok, method)
      t.match(error, { code: 'INVALID_REQUEST' }, `${method} ${JSON.stringify(value)}`)
    }
  }
  t.match((await client.request('sessions.list', {})).payload, { totalCount: 0 })
  t.notOk(existsSync(`${stateDir}/archive`))
  await closeClient(client)
})

t.test('sessions of an agent that is gone can be read and put away, but not spoken to', async t => {
  const store = createMemoryStore()
  const config = (agents: string[]) => ({ agents: { entries: Object.fromEntries(agents.map(id => [id, { default: id === 'main' }])) } })
  const key = 'agent:iris:talk'
  const before = await startGateway(t, { config: config(['main', 'iris']), store: keptOpen(store) })
  const first = await admitted(before.url)
  t.ok((await first.client.request('sessions.create', { key })).ok)
  await closeClient(first.client)
  await before.gateway.stop()

  const { url } = await startGateway(t, { config: config(['main']), store, stateDir: before.stateDir })
  const { client } = await admitted(url)
  t.match((await client.request('sessions.describe', { key })).payload.session, { key })
  t.match((await client.request('sessions.list', {})).payload, { totalCount: 1 })
  t.match((await client.request('sessions.list', { configuredAgentsOnly: true })).payload, { totalCount: 0 })
  t.match(await client.request('chat.send', { sessionKey: key, message: 'hi', idempotencyKey: 'x' }), { ok: false, error: { message: /iris/ } })
  t.match(await client.request('sessions.create', { key: 'agent:iris:other' }), { error: { message: 'unknown agent id "iris"' } })
  t.match(await client.request('sessions.patch', { key: 'agent:iris:main', label: 'x' }), { error: { message: 'unknown agent id "iris"' } })
  t.match(await client.request('sessions.patch', { key, label: 'x' }), { ok: true })
  t.match(await client.request('sessions.delete', { key }), { payload: { deleted: true } })
  await closeClient(client)
})
