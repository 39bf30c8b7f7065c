import t from 'tap'
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import type { Store } from '../../src/store/store.ts'
import { eventually } from '../fixtures/eventually.ts'
import { admitted, closeClient, connect, startGateway, type Frame } from '../helper.ts'
import { bearer, invoke, makeKey, programClient, say } from './key-scene.ts'

const keptOpen = (store: Store): Store => ({ ...store, close: async () => {} })

t.test('with methods or routes nothing is open but what they name', async t => {
  const gateway = await startGateway(t)
  const { client: admin } = await admitted(gateway.url)
  const methods = await makeKey(admin, 'methods', { methods: ['sessions.list', 'chat.*'] })
  const routes = await makeKey(admin, 'routes', { routes: ['POST /tools/*'] })
  const elsewhere = await makeKey(admin, 'elsewhere', { routes: ['/v1/*'] })
  const { client } = await programClient(gateway, methods)
  t.match(await client.request('sessions.list', {}), { ok: true })
  t.match(await client.request('chat.history', { sessionKey: 'x' }), { ok: true })
  t.match(await client.request('sessions.get', { key: 'x' }), { error: { code: 'FORBIDDEN', details: { code: 'KEY_NOT_ALLOWED', method: 'sessions.get', nextStep: /keys show/ } } })
  t.match(await invoke(gateway, bearer(methods.secret)), { status: 403, body: { error: { code: 'KEY_NOT_ALLOWED' } } })
  t.match(await invoke(gateway, bearer(routes.secret)), { status: 200 })
  t.match(await invoke(gateway, bearer(elsewhere.secret)), { status: 403, body: { error: { code: 'KEY_NOT_ALLOWED', details: { route: 'POST /tools/invoke' } } } })
  const { response } = await connect(gateway.url, { device: false, auth: { token: routes.secret } })
  t.match(response.error, { details: { code: 'KEY_NOT_ALLOWED' } })
  await Promise.all([admin, client].map(closeClient))
})

t.test('a key for one agent uses that agent, and finds no other', async t => {
  const agents = { entries: { main: { default: true }, shop: {}, secret: {} } }
  const gateway = await startGateway(t, { config: { agents } })
  const { client: admin } = await admitted(gateway.url)
  await admin.request('sessions.create', { key: 'agent:secret:plans' })
  await admin.request('sessions.create', { key: 'agent:shop:till' })
  t.match(await admin.request('keys.create', { name: 'x', agents: ['nobody'] }), { error: { details: { code: 'AGENT_UNKNOWN' } } })
  const own = await programClient(gateway, await makeKey(admin, 'own', { agents: ['shop'] }))
  const all = await programClient(gateway, await makeKey(admin, 'all', { agents: ['Shop'], ownSessionsOnly: false, scopes: ['operator.write'] }))
  t.match(own.hello.snapshot.sessionDefaults, { defaultAgentId: 'shop', mainSessionKey: /^agent:shop:key:/ })
  t.match(all.hello.snapshot.sessionDefaults, { mainSessionKey: 'agent:shop:main' })
  for (const { client } of [own, all]) {
    t.same((await client.request('agents.list', {})).payload.agents.map(({ id }: { id: string }) => id), ['shop'])
    t.match((await client.request('agent.identity.get', {})).payload, { agentId: 'shop' })
    for (const agentId of ['secret', 'nobody']) {
      t.match(await client.request('chat.send', { sessionKey: `agent:${agentId}:x`, message: 'x', idempotencyKey: 'x' }), { error: { details: { code: 'KEY_NOT_ALLOWED', agents: ['shop'] } } }, agentId)
      t.match(await client.request('models.list', { agentId }), { error: { details: { code: 'KEY_NOT_ALLOWED' } } }, agentId)
    }
  }
  t.match(await own.client.request('sessions.list', {}), { payload: { totalCount: 0 } })
  t.match(await all.client.request('sessions.list', {}), { payload: { totalCount: 1, sessions: [{ key: 'agent:shop:till' }] } })
  await Promise.all([admin, own.client, all.client].map(closeClient))
})

t.test('the requests of a minute, over both doors together', async t => {
  const atMs = Date.UTC(2027, 0, 31, 12)
  const gateway = await startGateway(t, { now: () => atMs })
  const { client: admin } = await admitted(gateway.url)
  const program = await makeKey(admin, 'program', { limits: { requestsPerMinute: 3 } })
  const { client } = await programClient(gateway, program)
  t.match(await client.request('sessions.list', {}), { ok: true })
  const second = await invoke(gateway, bearer(program.secret))
  t.same([second.status, second.headers.get('x-ratelimit-limit-requests'), second.headers.get('x-ratelimit-remaining-requests')], [200, '3', '1'])
  t.match(await invoke(gateway, bearer(program.secret)), { status: 200 })
  const refused = await invoke(gateway, bearer(program.secret))
  t.match(refused, { status: 429, body: { error: { type: 'rate_limited', code: 'KEY_RATE_LIMITED', nextStep: /Retry-After/ } } })
  t.ok(Number(refused.headers.get('retry-after')) <= 20)
  t.match(await client.request('sessions.list', {}), { error: { code: 'UNAVAILABLE', retryable: true, retryAfterMs: Number, details: { code: 'KEY_RATE_LIMITED', limit: 3 } } })
  await Promise.all([admin, client].map(closeClient))
})

t.test('runs at a time: the next one is refused until one has ended, and a repeated key is none', async t => {
  const gateway = await startGateway(t)
  const { client: admin } = await admitted(gateway.url)
  const program = await makeKey(admin, 'program', { limits: { concurrentRuns: 1 } })
  const { client } = await programClient(gateway, program)
  const slow = { sessionKey: 'a', message: `/slow 30\n${'word '.repeat(2000)}`, idempotencyKey: 'slow' }
  const { payload: { runId } } = await client.request('chat.send', slow)
  t.match(await client.request('chat.send', slow), { payload: { runId, status: 'in_flight' } })
  t.match(await client.request('chat.send', { sessionKey: 'b', message: 'x', idempotencyKey: 'next' }), { error: { retryAfterMs: 1000, details: { code: 'KEY_RUNS_EXCEEDED', limit: 1 } } })
  t.match((await admin.request('keys.show', { name: 'program' })).payload.key.today, { runsUnderWay: 1 })
  await client.request('chat.abort', { sessionKey: 'a', runId })
  await client.request('agent.wait', { runId, timeoutMs: 10_000 }, 12_000)
  t.match((await say(client, 'b', 'x', 'next')).answer, { payload: { status: 'started' } })
  t.match((await admin.request('keys.show', { name: 'program' })).payload.key.today, { runsUnderWay: 0, runs: 2 })
  await Promise.all([admin, client].map(closeClient))
})

t.test('what a day may use: booked with the end of each run, there again after a restart, over with the day', async t => {
  const store = createMemoryStore()
  let atMs = Date.UTC(2027, 0, 31, 23, 59, 0)
  const now = () => atMs
  const first = await startGateway(t, { store: keptOpen(store), now })
  const { client: admin } = await admitted(first.url)
  const program = await makeKey(admin, 'program', { limits: { tokensPerDay: 5 } })
  const { client } = await programClient(first, program)
  const { answer } = await say(client, 'a', 'one two three four five six seven eight', 'one')
  t.match(answer, { payload: { status: 'started' } })
  const { today } = (await admin.request('keys.show', { name: 'program' })).payload.key
  t.ok(today.tokens >= 5, `${today.tokens} tokens`)
  t.equal(today.runs, 1)
  const refusal = { retryAfterMs: 60_000, details: { code: 'KEY_BUDGET_SPENT', limit: 5, used: today.tokens } }
  t.match(await client.request('chat.send', { sessionKey: 'a', message: 'x', idempotencyKey: 'two' }), { error: refusal })
  t.match(await client.request('chat.send', { sessionKey: 'a', message: 'one two three four five six seven eight', idempotencyKey: 'one' }), { payload: { status: 'ok' } }, 'what was answered is told again')
  await first.gateway.stop()
  const second = await startGateway(t, { store: keptOpen(store), now, stateDir: first.stateDir })
  const { client: again } = await programClient(second, program)
  t.match(await again.request('agent', { message: 'x', idempotencyKey: 'three' }), { error: refusal })
  atMs += 61_000
  t.match((await say(again, 'a', 'x', 'four')).answer, { payload: { status: 'started' } })
  t.match((await again.request('chat.history', { sessionKey: 'a' })).payload.messages.length, 4, 'its conversation goes on')
  await closeClient(again)
  await second.gateway.stop()
  await store.close()
})

t.test('a helper belongs to the program whose conversation began it, and goes on its account', async t => {
  const gateway = await startGateway(t)
  const { client: admin } = await admitted(gateway.url)
  const [own, all] = [await makeKey(admin, 'own', { limits: { concurrentRuns: 1 } }), await makeKey(admin, 'all', { ownSessionsOnly: false })]
  for (const program of [own, all]) {
    const { client } = await programClient(gateway, program)
    await say(client, 'work', '/tool sessions_spawn {"task":"count to three"}', program.name)
    const [child] = await eventually(async () => (await client.request('sessions.list', {})).payload.sessions.filter(({ key, status }: Frame) => key.includes(':subagent:') && status === 'done'),
      found => found.length > 0, 10_000)
    t.match(child.key, program === own ? new RegExp(`^agent:main:key:${own.id}:subagent:`) : /^agent:main:subagent:/)
    t.match(await client.request('chat.history', { sessionKey: child.key }), { payload: { messages: [{ role: 'user' }, { role: 'assistant' }] } })
    const today = await eventually(async () => (await admin.request('keys.show', { name: program.name })).payload.key.today, ({ runs, runsUnderWay }) => runs >= 2 && runsUnderWay === 0)
    t.ok(today.tokens > 0, JSON.stringify(today))
    await closeClient(client)
    await admin.request('sessions.delete', { key: child.key })
  }
  const { client: other } = await programClient(gateway, await makeKey(admin, 'other'))
  t.match(await other.request('sessions.list', {}), { payload: { totalCount: 0 } })
  await Promise.all([admin, other].map(closeClient))
})

t.test('an operator who speaks into the conversation of a program pays for it alone', async t => {
  const gateway = await startGateway(t)
  const { client: admin } = await admitted(gateway.url)
  const program = await makeKey(admin, 'program')
  const { client } = await programClient(gateway, program)
  await say(client, 'a', 'hello', 'one')
  const used = (await admin.request('keys.show', { name: 'program' })).payload.key.today
  await say(admin, `agent:main:key:${program.id}:a`, 'and again', 'two')
  t.same((await admin.request('keys.show', { name: program.id })).payload.key.today, used)
  t.equal((await client.request('chat.history', { sessionKey: 'a' })).payload.messages.length, 4, 'the program reads what was said in its conversation')
  await Promise.all([admin, client].map(closeClient))
})

t.test('orders for keys are understood whole or refused with the word that is wrong', async t => {
  const { url } = await startGateway(t)
  const { client: admin } = await admitted(url)
  for (const [wrong, message] of [
    [{ name: 'a b' }, /name: letters/], [{ scopes: ['operator.everything'] }, /scopes: "operator.everything" is not understood/], [{ scopes: [] }, /scopes/],
    [{ methods: ['chat*x'] }, /methods/], [{ routes: ['v1'] }, /routes/], [{ routes: ['FETCH /v1'] }, /routes/], [{ addresses: ['1.2.3'] }, /addresses/],
    [{ limits: { tokensPerDay: 0 } }, /tokensPerDay/], [{ limits: { wishes: 3 } }, /wishes|additional/],
    [{ scopes: ['operator.admin'], ownSessionsOnly: true }, /operator\.admin is the whole gateway/], [{ scopes: ['operator.admin'], agents: ['main'] }, /operator\.admin/]
  ] as const) t.match(await admin.request('keys.create', { name: 'wrong', ...wrong }), { error: { message } }, JSON.stringify(wrong))
  await makeKey(admin, 'taken')
  t.match(await admin.request('keys.create', { name: 'taken' }), { error: { details: { code: 'KEY_EXISTS' } } })
  t.match(await admin.request('keys.show', { name: 'nobody' }), { error: { details: { code: 'KEY_UNKNOWN' } } })
  const { client } = await programClient({ url }, await makeKey(admin, 'chief', { scopes: ['operator.admin'] }))
  t.match(await client.request('keys.create', { name: 'more' }), { error: { details: { code: 'KEY_NOT_ALLOWED' } } }, 'a key makes no keys')
  t.match(await client.request('keys.list', {}), { ok: true })
  const { client: distant } = await programClient({ url }, await makeKey(admin, 'near', { addresses: ['127.0.0.0/8'] }))
  t.match(await distant.request('sessions.list', {}), { ok: true })
  const { response } = await connect(url, { device: false, auth: { token: (await makeKey(admin, 'far', { addresses: ['192.0.2.0/24'] })).secret } })
  t.match(response.error, { details: { code: 'KEY_NOT_ALLOWED' }, message: /may not be used from 127\.0\.0\.1/ })
  await Promise.all([admin, client, distant].map(closeClient))
})

t.test('whoever comes with a key is that program where nobody else needs a credential', async t => {
  const gateway = await startGateway(t, { config: { gateway: { auth: { mode: 'none' } } } })
  const { client: admin } = await admitted(gateway.url, { auth: { token: gateway.adminToken } })
  const program = await makeKey(admin, 'program', { scopes: ['operator.read'] })
  t.match(await invoke(gateway, bearer(program.secret)), { status: 403 })
  t.match(await invoke(gateway, {}), { status: 200 })
  const { hello } = await programClient(gateway, program)
  t.same(hello.auth.scopes, ['operator.read'])
  await closeClient(admin)
})
