/** A route and the method that does the same: whoever comes, with whatever rights, both say yes or both say no. */
import t from 'tap'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { scopes } from '../../src/protocol/scopes.ts'
import { eventually } from '../fixtures/eventually.ts'
import { makeKey } from '../flows/key-scene.ts'
import { admitted, closeClient, connect, startGateway, testToken, type TestClient, type TestGateway } from '../helper.ts'
import { from, routesOf } from './attacker.ts'
import { tool } from '../tools/policy-scene.ts'

type Headers = { [name: string]: string }
type Verdict = 'yes' | 'missing scope' | 'who?'

/** What serves whom it serves with the rights of which method. A new route names its twin here. */
const twins: { readonly [route: string]: string } = {
  'POST /tools/invoke': 'tools.invoke',
  'GET /control-ui-config.json': 'agents.list',
  'GET /api/sessions': 'sessions.list',
  'GET /api/sessions/:key': 'sessions.describe',
  'GET /api/sessions/:key/history': 'chat.history',
  'POST /api/sessions/:key/messages': 'chat.send',
  'POST /api/sessions/:key/abort': 'chat.abort',
  'GET /sessions/:key/history': 'chat.history',
  'POST /sessions/:key/kill': 'sessions.abort',
  'GET /metrics': 'models.list',
  'GET /api/diagnostics/prometheus': 'models.list',
  'GET /v1/models': 'models.list',
  'GET /v1/models/*': 'models.list',
  'POST /v1/chat/completions': 'agent',
  'POST /v1/embeddings': 'agent',
  'POST /v1/responses': 'agent',
  'GET /v1/responses/:id': 'models.list',
  'DELETE /v1/responses/:id': 'agent',
  'POST /v1/responses/:id/cancel': 'agent',
  'GET /v1/responses/:id/input_items': 'models.list',
  'POST /v1/gateway/messages': 'agent',
  'POST /v1/gateway/messages:stream': 'agent',
  'GET /v1/gateway/status': 'models.list',
  'POST /v1/gateway/cancel': 'agent',
  'POST /mcp': 'tools.invoke',
  'GET /openapi.json': 'config.schema'
}

/** These ask nobody who he is, or have a credential of their own. */
const open = /^\/(?:\*?|ws|healthz?|readyz?|startupz?|api\/device\/nonce|plugins\/.*|hooks\/.*)$/

const endpoints = { chatCompletions: { enabled: true }, responses: { enabled: true } }
const everything = { http: { endpoints }, auth: { rateLimit: { exemptLoopback: false, maxAttempts: 10_000 } } }

async function verdictOf (response: Response): Promise<Verdict> {
  const body = await response.text()
  if (response.status === 401) return 'who?'
  return response.status === 403 && /MISSING_SCOPE|missing scope/.test(body) ? 'missing scope' : 'yes'
}

/** Without a body: rights are looked at before it is. */
const knock = async ({ http }: TestGateway, route: string, headers: Headers): Promise<Response> => {
  const [method, path] = route.split(' ') as [string, string]
  const [url, body] = [`${http}${path.replace(/:key|:id|\*/g, 'x')}`, method === 'GET' ? {} : { body: '{}' }]
  return await fetch(url, { method, headers: { ...headers, ...(method === 'GET' ? {} : { 'content-type': 'application/json' }) }, ...body })
}

/** As little as can be asked: what is wrong with it is said to those who have the rights. */
async function call (client: TestClient, method: string): Promise<Verdict> {
  const params = method === 'agent' ? { message: 'x', sessionKey: 'agent:nobody:x', idempotencyKey: 'x' } : {}
  const { error } = await client.request(method, params)
  return error?.details?.code === 'MISSING_SCOPE' ? 'missing scope' : 'yes'
}

/** Routes that are there: what is refused for its method alone is none. */
async function servedRoutes (gateway: TestGateway): Promise<string[]> {
  const all = routesOf(gateway).filter(({ path }) => !open.test(path))
    .flatMap(({ path, methods }) => methods.filter(method => method !== 'HEAD' && method !== 'OPTIONS').map(method => `${method} ${path.replace('::', ':').replace(/\/$/, '')}`))
  const answers = await Promise.all(all.map(async route => [route, (await knock(gateway, route, {})).status] as const))
  return answers.filter(([, status]) => status !== 405 && status !== 404).map(([route]) => route)
}

/** Everybody with one credential: what HTTP is given, and a socket with the same. */
interface Visitor { readonly what: string, readonly headers: Headers, readonly client: TestClient | undefined }

async function compare (t: { equal (a: unknown, b: unknown, message: string): unknown }, gateway: TestGateway, routes: readonly string[], visitors: readonly Visitor[]): Promise<void> {
  for (const { what, headers, client } of visitors) {
    const verdicts = await Promise.all(routes.map(async route => {
      const twin = twins[route]!
      const overHttp = await verdictOf(await knock(gateway, route, headers))
      const overRpc: Verdict = client ? await call(client, twin) : 'who?'
      return { route, twin, overHttp, overRpc }
    }))
    for (const { route, twin, overHttp, overRpc } of verdicts) t.equal(overHttp, overRpc, `${what}: ${route} and ${twin}`)
    if (client) await closeClient(client)
  }
}

t.test('every route has a twin', async t => {
  const gateway = await startGateway(t, { config: { gateway: everything } })
  const routes = await servedRoutes(gateway)
  t.ok(routes.length > 8, routes.join(', '))
  t.same(routes.filter(route => !Object.hasOwn(twins, route)), [], 'name the method that does the same')
})

t.test('the shared secret, device tokens, API keys and nothing at all get the same from routes as from methods', async t => {
  const gateway = await startGateway(t, { config: { gateway: everything } })
  const routes = await servedRoutes(gateway)
  const { client: admin } = await admitted(gateway.url)
  const bearer = (secret: string): Headers => ({ authorization: `Bearer ${secret}` })
  const visitors: Visitor[] = [
    { what: 'shared secret', headers: bearer(testToken), client: (await admitted(gateway.url)).client },
    { what: 'nobody', headers: {}, client: undefined },
    { what: 'a wrong key', headers: bearer(`ocgw_${'x'.repeat(43)}`), client: undefined }
  ]
  t.match((await connect(gateway.url, { auth: false, device: false })).response, { ok: false })
  for (const scope of scopes) {
    const { secret } = await makeKey(admin, scope, { scopes: [scope] })
    const key = await admitted(gateway.url, { device: false, auth: { token: secret }, scopes: [] })
    visitors.push({ what: `API key with ${scope}`, headers: bearer(secret), client: key.client })
    const device = await admitted(gateway.url, { device: createDeviceIdentity(), scopes: [scope] })
    visitors.push({ what: `device token with ${scope}`, headers: bearer(device.hello.auth.deviceToken), client: device.client })
  }
  await compare(t, gateway, routes, visitors)
  await closeClient(admin)
})

t.test('whom a trusted proxy vouches for gets the same from routes as from methods', async t => {
  const user = { ...from('203.0.113.70'), 'x-auth-user': 'alice@example.com' }
  const gateway = await startGateway(t, {
    config: {
      gateway: {
        ...everything,
        trustedProxies: ['127.0.0.1'],
        auth: {
          mode: 'trusted-proxy', token: null, trustedProxy: { userHeader: 'x-auth-user', allowLoopback: true }, identityScopes: { 'alice@example.com': [...scopes] }
        }
      }
    }
  })
  const routes = await servedRoutes(gateway)
  const visitors: Visitor[] = []
  for (const scope of scopes) {
    const headers = { ...user, 'x-openclaw-scopes': scope }
    const { client } = await admitted(gateway.url, { device: false, auth: false, scopes: [scope], socket: { headers } })
    visitors.push({ what: `proxy with ${scope}`, headers, client })
  }
  visitors.push({ what: 'proxy without a user', headers: from('203.0.113.70'), client: undefined })
  await compare(t, gateway, routes, visitors)
})

t.test('a key that is limited to some routes is refused at every other one, in every spelling', async t => {
  const gateway = await startGateway(t, { config: { gateway: everything } })
  const { client: admin } = await admitted(gateway.url)
  const { secret } = await makeKey(admin, 'narrow', { routes: ['GET /v1/models'] })
  const headers = { authorization: `Bearer ${secret}` }
  t.equal((await knock(gateway, 'GET /v1/models', headers)).status, 200)
  const others = (await servedRoutes(gateway)).filter(route => route !== 'GET /v1/models')
  for (const route of others) t.equal((await knock(gateway, route, headers)).status, 403, route)
  const spellings = ['/v1/models/../../tools/invoke', '/v1/models%2f..%2f..%2ftools%2finvoke', '//tools/invoke', '/v1/models/..;/..;/tools/invoke', '/V1/MODELS', '/v1/models?x=/tools/invoke#']
  for (const path of spellings) {
    const { status } = await fetch(`${gateway.http}${path}`, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: '{"tool":"session_status"}' })
    t.ok(status >= 400, `${path}: ${status}`)
  }
  await eventually(() => admin.request('keys.show', { name: 'narrow' }), ({ payload }) => payload.key.today.runs === 0)
  await closeClient(admin)
})

const done = async () => ({ content: [{ type: 'text' as const, text: 'done' }] })
const probes = [
  tool('probe_read', { run: done }),
  tool('probe_write', { capability: 'session.write', effects: true, run: done }),
  tool('probe_exec', { capability: 'exec', reach: 'run', run: done }),
  tool('probe_opened', { capability: 'exec', reach: 'run', run: done }),
  tool('probe_owner', { ownerOnly: true, run: done }),
  tool('probe_gateway', { capability: 'gateway', run: done })
]

t.test('HTTP, the socket and MCP give the same verdict about each tool, whatever the scope', async t => {
  const gateway = await startGateway(t, {
    config: { gateway: { auth: { mode: 'none', token: undefined }, tools: { allow: ['probe_opened'] }, http: { endpoints: { mcp: { enabled: true } } } } }
  })
  await gateway.gateway.rooms.tools.registry().then(registry => registry.add(probes))
  const post = async (path: string, scope: string, body: object): Promise<{ status: number, body: any }> => {
    const response = await fetch(`${gateway.http}${path}`, {
      method: 'POST', headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', 'x-openclaw-scopes': scope }, body: JSON.stringify(body)
    })
    const text = await response.text()
    return { status: response.status, body: JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text) }
  }
  const allowed: string[] = []
  for (const scope of ['', ...scopes]) {
    const { client } = await admitted(gateway.url, { scopes: scope === '' ? [] : [scope], auth: false })
    for (const { name } of [...probes, { name: 'no_such' }]) {
      const http = (await post('/tools/invoke', scope, { tool: name, args: {} })).status === 200
      const rpc = await client.request('tools.invoke', { name, args: {} })
      const mcp = await post('/mcp', scope, { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: {} } })
      const verdicts = { http, rpc: rpc.ok && rpc.payload.ok === true, mcp: mcp.status === 200 && mcp.body.result !== undefined && mcp.body.result.isError !== true }
      t.same(verdicts, { http, rpc: http, mcp: http }, `${scope || 'no scope'}: ${name}`)
      if (http) allowed.push(`${scope}: ${name}`)
    }
    await closeClient(client)
  }
  t.same(allowed, [
    'operator.write: probe_read', 'operator.write: probe_write',
    'operator.admin: probe_read', 'operator.admin: probe_write', 'operator.admin: probe_opened', 'operator.admin: probe_owner'
  ])
})
