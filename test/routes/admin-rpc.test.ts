import t from 'tap'
import { methodTable } from '../../src/methods/index.ts'
import { scopes } from '../../src/protocol/scopes.ts'
import { bearer, makeKey, programClient } from '../flows/key-scene.ts'
import { admitted, closeClient, startGateway, testToken, type Frame, type TestGateway } from '../helper.ts'

const on = { gateway: { http: { endpoints: { adminRpc: { enabled: true } } } } }
const asOperator = bearer(testToken)

async function ask ({ http }: Pick<TestGateway, 'http'>, body: unknown, headers: { [name: string]: string } = asOperator): Promise<{ status: number, body: Frame }> {
  const response = await fetch(`${http}/api/v1/admin/rpc`, {
    method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body)
  })
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : { text } }
}

t.test('methods answer as on the socket, under the id of the caller', async t => {
  const gateway = await startGateway(t, { config: on })
  const { client } = await admitted(gateway.url)
  for (const [method, params] of [['sessions.list', {}], ['agents.list', undefined], ['models.list', {}], ['config.get', {}]] as const) {
    const { status, body } = await ask(gateway, { id: 'a1', method, ...params ? { params } : {} })
    t.equal(status, 200, method)
    t.same({ ...body, payload: undefined }, { id: 'a1', ok: true, payload: undefined })
    const { payload } = await client.request(method, params)
    t.same(Object.keys(body.payload).sort(), Object.keys(payload).sort(), method)
  }
  t.same(Object.keys((await ask(gateway, { method: 'health' })).body).sort(), ['ok', 'payload'])
  await closeClient(client)
})

t.test('a whole turn: begun, waited for and read', async t => {
  const gateway = await startGateway(t, { config: on })
  const sent = await ask(gateway, { method: 'chat.send', params: { sessionKey: 'main', message: 'over HTTP', idempotencyKey: 'k1' } })
  t.match(sent, { status: 200, body: { ok: true, payload: { runId: 'k1', status: 'started' } } })
  t.match(await ask(gateway, { method: 'agent.wait', params: { runId: 'k1', timeoutMs: 5000 } }), { body: { payload: { status: 'ok' } } })
  const { body } = await ask(gateway, { method: 'chat.history', params: { sessionKey: 'main' } })
  t.equal(body.payload.messages.length, 2)
  t.match(await ask(gateway, { method: 'agent', params: { sessionKey: 'main', message: 'again', idempotencyKey: 'k2' } }), {
    status: 200, body: { ok: true, payload: { runId: 'k2', status: 'ok' } }
  }, 'what answers twice on the socket answers with its end')
})

t.test('a key is one request, also over both doors', async t => {
  const gateway = await startGateway(t, { config: on })
  const create = { method: 'sessions.create', params: { label: 'one', idempotencyKey: 'same' } }
  const [first, second] = [await ask(gateway, create), await ask(gateway, create)]
  t.same(second.body, first.body)
  t.equal(gateway.gateway.rooms.sessions.count(), 1)
})

t.test('refusals have the status of their row and the shape of the socket', async t => {
  const gateway = await startGateway(t, { config: on })
  const cases: Array<[body: unknown, status: number, code: string]> = [
    [{ method: 'no.such.method' }, 404, 'UNKNOWN_METHOD'],
    [{ method: '__proto__' }, 404, 'UNKNOWN_METHOD'],
    [{ method: 'sessions.patch', params: { key: 'x', nonsense: 1 } }, 400, 'INVALID_PARAMS'],
    [{ method: 'sessions.patch', params: { key: 'agent:main:nosuch', label: 'x' } }, 404, 'SESSION_UNKNOWN'],
    [{ method: 'node.agent.register', params: { agentId: 'main' } }, 403, 'UNAUTHORIZED_ROLE'],
    [{ method: 'sessions.subscribe' }, 400, 'CONNECTION_REQUIRED'],
    [{ method: 'agents.runtime.register', params: { agentId: 'main' } }, 400, 'CONNECTION_REQUIRED'],
    [{ method: 7 }, 400, 'INVALID_PARAMS'],
    [{ params: {} }, 400, 'INVALID_PARAMS'],
    [{ method: 'health', id: {} }, 400, 'INVALID_PARAMS'],
    [{ method: 'health', jsonrpc: '2.0' }, 400, 'INVALID_PARAMS'],
    [[{ method: 'health' }], 400, 'INVALID_PARAMS']
  ]
  for (const [body, status, code] of cases) {
    const answer = await ask(gateway, body)
    t.equal(answer.status, status, JSON.stringify(body))
    t.match(answer.body, { ok: false, error: { code: String, message: String, details: { code, nextStep: String } } }, JSON.stringify(body))
  }
  t.equal((await ask(gateway, '{"method":')).status, 400)
  t.equal((await ask(gateway, { method: 'health' }, {})).status, 401)
  t.equal((await ask(gateway, { method: 'health' }, bearer('wrong'))).status, 401)
  t.equal((await fetch(`${gateway.http}/api/v1/admin/rpc`)).status, 405)
})

t.test('it is not there unless it is switched on', async t => {
  const gateway = await startGateway(t)
  t.equal((await ask(gateway, { method: 'health' })).status, 404)
  t.equal((await fetch(`${gateway.http}/api/v1/admin/rpc`)).status, 404)
})

t.test('who is vouched for and says nothing of rights may write and not administer', async t => {
  const gateway = await startGateway(t, { config: { gateway: { auth: { mode: 'none' }, ...on.gateway } } })
  t.equal((await ask(gateway, { method: 'agents.list' }, {})).status, 200)
  t.match(await ask(gateway, { method: 'keys.list' }, {}), { status: 403, body: { error: { details: { code: 'MISSING_SCOPE' } } } })
  t.match(await ask(gateway, { method: 'keys.list' }, { 'x-openclaw-scopes': 'operator.admin' }), { status: 200 })
  t.match(await ask(gateway, { method: 'agents.list' }, { 'x-openclaw-scopes': '' }), { status: 403 })
})

t.test('writes to the gateway itself have one budget on both doors', async t => {
  const gateway = await startGateway(t, { config: on })
  const method = Object.entries(methodTable).find(([, { controlPlane }]) => controlPlane)![0]
  const statuses: number[] = []
  for (let count = 0; count < 31; count++) statuses.push((await ask(gateway, { method, params: { nonsense: 1 } })).status)
  t.equal(statuses.indexOf(429), 30, method)
})

/** What a caller is told before anything is done; the rest is up to the method. */
function verdictOf (ok: boolean, details: Frame | undefined): string {
  const code = ok ? 'OK' : details?.code
  return ['MISSING_SCOPE', 'UNAUTHORIZED_ROLE', 'UNKNOWN_METHOD', 'KEY_NOT_ALLOWED', 'KEY_OWN_SESSIONS_ONLY'].includes(code)
    ? `${code} ${details?.missingScope ?? ''}`.trim()
    : 'admitted'
}

t.test('every method says the same to every scope on both doors', async t => {
  const gateway = await startGateway(t, { config: on })
  const { client: admin } = await admitted(gateway.url)
  // Nothing that changes anything takes this field, so nothing is changed.
  const params = { nonsense: 1 }
  // Stays open until something happens, or ends the gateway.
  const open = Object.keys(methodTable).filter(name => name !== 'connect' && !/wait|tail|follow/i.test(name))
  // Too many calls in a row that belong to nodes end a connection: they stand apart, and one that succeeds comes between.
  const ofNodes = open.filter(name => methodTable[name]!.scope === 'node')
  const names = open.filter(name => !ofNodes.includes(name)).flatMap((name, at) => at % 8 === 0 && ofNodes[at / 8] ? [name, ofNodes[at / 8]!] : [name])
  for (const scope of scopes) {
    const program = await makeKey(admin, scope.replace(/\W/g, '-'), { scopes: [scope] })
    const { client } = await programClient(gateway, program, [scope])
    const [one, other] = [new Map<string, string>(), new Map<string, string>()]
    for (let from = 0; from < names.length; from += 40) {
      t.ok((await client.request('health')).ok)
      await Promise.all(names.slice(from, from + 40).map(async name => {
        const frame = await client.request(name, params)
        one.set(name, verdictOf(frame.ok, frame.error?.details))
        const { body } = await ask(gateway, { method: name, params }, bearer(program.secret))
        other.set(name, verdictOf(body.ok, body.error?.details))
      }))
    }
    t.same(Object.fromEntries(other), Object.fromEntries(one), scope)
    t.ok(new Set(one.values()).size > 1, 'and not the same to everything')
    await closeClient(client)
  }
  await closeClient(admin)
})
