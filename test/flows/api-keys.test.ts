import t from 'tap'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import { admitted, closeClient, connect, startGateway, testToken } from '../helper.ts'
import { bearer, invoke, makeKey, programClient, say } from './key-scene.ts'

t.test('a key is shown once, rests as a hash, and opens both doors with the scopes that it was made with', async t => {
  const store = createMemoryStore()
  const gateway = await startGateway(t, { store })
  const { client: admin } = await admitted(gateway.url)
  const created = await admin.request('keys.create', { name: 'shop', scopes: ['operator.read'], limits: { requestsPerMinute: 100 } })
  const { key, secret } = created.payload
  t.match(secret, /^ocgw_[\w-]{43}$/)
  t.match(key, { name: 'shop', hint: `ocgw_…${secret.slice(-4)}`, status: 'active', scopes: ['operator.read'], ownSessionsOnly: true, createdBy: /./ })
  const stored = JSON.stringify([await store.collection('api-keys').all(), await store.collection('api-key-usage').all()])
  for (const text of [stored, JSON.stringify((await admin.request('keys.list', {})).payload), gateway.log.join('')]) {
    t.notOk(text.includes(secret))
  }
  t.notMatch(JSON.stringify((await admin.request('keys.show', { name: 'shop' })).payload), /tokenHash/)

  const { client, hello } = await programClient(gateway, { secret })
  t.same(hello.auth.scopes, ['operator.read'], 'without asking it has what it was made with')
  t.match(hello.snapshot, { presence: [], health: { ok: true }, sessionDefaults: { mainSessionKey: `agent:main:key:${key.id}:main` } })
  t.notOk('configPath' in hello.snapshot)
  t.match(await client.request('sessions.list', {}), { ok: true, payload: { totalCount: 0 } })
  t.match(await client.request('sessions.create', {}), { error: { message: 'missing scope: operator.write' } })
  t.match(await client.request('keys.list', {}), { error: { message: 'missing scope: operator.admin' } })
  const { hello: narrow } = await programClient(gateway, { secret }, ['operator.sessions.read', 'operator.admin'])
  t.same(narrow.auth.scopes, ['operator.sessions.read'], 'it may ask for less and never gets more')

  t.match(await invoke(gateway, bearer(secret)), { status: 403, body: { error: { code: 'MISSING_SCOPE' } } })
  const writing = await makeKey(admin, 'writing')
  for (const headers of [bearer(writing.secret), { 'x-api-key': writing.secret }]) t.match(await invoke(gateway, headers), { status: 200 })
  t.match(await invoke(gateway, { 'x-api-key': testToken }), { status: 401 }, 'nothing but an API key is taken from there')
  await Promise.all([admin, client].map(closeClient))
})

t.test('who comes with a key that opens nothing is told why, and pays for nobody else', async t => {
  const gateway = await startGateway(t)
  const { client: admin } = await admitted(gateway.url)
  const revoked = await makeKey(admin, 'revoked')
  await admin.request('keys.revoke', { name: 'revoked' })
  const wrong = `ocgw_${'x'.repeat(43)}`
  for (const [secret, code] of [[revoked.secret, 'AUTH_KEY_REVOKED'], [wrong, 'AUTH_KEY_UNKNOWN']] as const) {
    t.match(await invoke(gateway, bearer(secret)), { status: 401, body: { error: { code, nextStep: /openclaw keys/ } } }, code)
    const { response } = await connect(gateway.url, { device: false, auth: { token: secret } })
    t.match(response.error, { code: 'INVALID_REQUEST', details: { code, nextStep: /openclaw keys/ } }, code)
  }
  const good = await makeKey(admin, 'good')
  t.match(await connect(gateway.url, { role: 'node', auth: { token: good.secret } }).then(({ response }) => response.error), { details: { code: 'AUTH_KEY_ROLE' } })
  t.match(await invoke(gateway, bearer(good.secret)), { status: 200 })
  t.match(await invoke(gateway, bearer(testToken)), { status: 200 })
  await closeClient(admin)
})

t.test('a revoked key is out at once: its sockets close, its streams end, and nothing of it comes in again', async t => {
  const gateway = await startGateway(t)
  const { client: admin } = await admitted(gateway.url)
  const program = await makeKey(admin, 'program')
  const other = await makeKey(admin, 'other')
  const { client } = await programClient(gateway, program)
  const { client: bystander } = await programClient(gateway, other)
  const stream = await fetch(`${gateway.http}/api/sessions/talk/messages`, {
    method: 'POST',
    headers: { ...bearer(program.secret), 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ role: 'user', content: '/slow 60000\nnever' })
  })
  t.equal(stream.status, 200)
  const ended = stream.text().then(() => 'to its end', () => 'cut off')
  t.match(await admin.request('keys.revoke', { name: 'program' }), { payload: { key: { status: 'revoked', revokedAtMs: Number } } })
  t.same(await client.close(), { code: 4001, reason: 'API key revoked' })
  t.equal(await ended, 'cut off')
  t.match(await invoke(gateway, bearer(program.secret)), { status: 401, body: { error: { code: 'AUTH_KEY_REVOKED' } } })
  t.match(await bystander.request('sessions.list', {}), { ok: true })
  t.match(await admin.request('keys.revoke', { name: 'program' }), { ok: true }, 'twice is once')
  t.match(await admin.request('keys.rotate', { name: 'program' }), { error: { details: { code: 'KEY_UNKNOWN' } } })
  t.match((await makeKey(admin, 'program')).secret, /^ocgw_/, 'the name is free again')
  await Promise.all([admin, bystander].map(closeClient))
})

t.test('a rotated key keeps its name and its conversations; the old secret ends at once, or after its grace', async t => {
  const gateway = await startGateway(t)
  const { client: admin } = await admitted(gateway.url)
  const program = await makeKey(admin, 'program')
  const { client } = await programClient(gateway, program)
  await say(client, 'notes', 'hello', 'one')
  const { payload: second } = await admin.request('keys.rotate', { name: 'program' })
  t.same(await client.close(), { code: 4001, reason: 'API key rotated' })
  t.match(await invoke(gateway, bearer(program.secret)), { status: 401, body: { error: { code: 'AUTH_KEY_REVOKED' } } })
  const { client: late } = await programClient(gateway, second)
  t.match((await late.request('chat.history', { sessionKey: 'notes' })).payload.messages.length, 2)
  const { payload: third } = await admin.request('keys.rotate', { name: 'program', graceMs: 3_600_000 })
  t.ok(third.key.previousUntilMs > Date.now())
  t.match(await invoke(gateway, bearer(second.secret)), { status: 200 })
  t.match(await late.request('sessions.list', {}), { ok: true })
  const { client: fresh } = await programClient(gateway, third)
  const { payload: fourth } = await admin.request('keys.rotate', { name: 'program', graceMs: 300 })
  t.same(await late.close(), { code: 4001, reason: 'API key rotated' }, 'one secret at most is good beside the new one')
  t.same(await fresh.close(), { code: 4001, reason: 'API key rotated' }, 'the grace is over for open sockets, too')
  for (const { secret } of [second, third]) t.match(await invoke(gateway, bearer(secret)), { status: 401 })
  const { client: last } = await programClient(gateway, fourth)
  t.match(await last.request('sessions.list', {}), { payload: { totalCount: 1 } })
  await Promise.all([admin, last].map(closeClient))
})

t.test('a key that expires closes its sockets when it does', async t => {
  let ahead = 0
  const now = () => Date.now() + ahead
  const gateway = await startGateway(t, { now })
  const { client: admin } = await admitted(gateway.url)
  const program = await makeKey(admin, 'program', { expiresAtMs: now() + 600_000 })
  const { client } = await programClient(gateway, program)
  ahead = 599_500
  await makeKey(admin, 'other')
  t.same(await client.close(), { code: 4001, reason: 'API key expired' })
  t.match(await invoke(gateway, bearer(program.secret)), { status: 401, body: { error: { code: 'AUTH_KEY_EXPIRED' } } })
  t.match(await admin.request('keys.list', {}), { payload: { keys: [{ name: 'other', status: 'active' }, { name: 'program', status: 'expired' }] } })
  t.match(await admin.request('keys.create', { name: 'x', expiresAtMs: 1 }), { error: { message: /expired already/ } })
  await closeClient(admin)
})
