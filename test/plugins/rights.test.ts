/** Whoever calls a plugin needs the right that it asks for, and lends it no more than that. */
import t from 'tap'
import { expandScopes, scopes, type Scope } from '../../src/protocol/scopes.ts'
import { admitted, closeClient, operatorScopes, startGateway, testToken, type TestGateway } from '../helper.ts'
import { pluginDirectory, registering, writePlugin } from './plugin-folder.ts'

/** One method and one route for each scope; each says what it may do, and tries to do more. */
const perScope = registering(`
  const attempt = async call => Object.fromEntries(await Promise.all([
    ['operator.read', 'agents.list', {}],
    ['operator.write', 'tools.invoke', { name: 'agents_list', dryRun: true }],
    ['operator.admin', 'tools.why', { tool: 'exec' }],
    ['operator.pairing', 'device.pair.list', {}],
    ['operator.approvals', 'exec.approval.list', {}]
  ].map(async ([scope, method, params]) => [scope, await call(method, params).then(() => true, error => error.details?.code ?? error.message)])))
  const work = async ({ caller, call }) => ({ caller, may: await attempt(call) })
  for (const scope of ${JSON.stringify(scopes)}) {
    const name = scope.replace('operator.', '').replaceAll('.', '-')
    api.registerGatewayMethod('rights.' + name, { scope, handle: (params, call) => work(call) })
    api.registerHttpRoute({ path: name, scope, handle: (request, call) => work(call) })
  }
  api.registerGatewayMethod('rights.unsaid', ({ respond }) => respond(true, 'admin only'))
  api.registerGatewayMethod('rights.either', { scope: { anyOf: ['operator.approvals', 'operator.pairing'] }, handle: (params, call) => work(call) })
  api.registerHttpRoute({ path: 'unsaid', handle: (request, call) => call.caller.scopes })
  api.registerHttpRoute({ path: 'webhook', auth: 'plugin', handle: (request, call) => ({ call: call === undefined, secret: request.headers.authorization }) })
`)

const nameOf = (scope: Scope): string => scope.replace('operator.', '').replaceAll('.', '-')

const start = async (t: Parameters<typeof startGateway>[0], auth: object = { mode: 'token', token: testToken }): Promise<TestGateway> => {
  const started = await startGateway(t, { config: { gateway: { auth }, plugins: { load: { paths: [writePlugin(pluginDirectory(t), 'rights', perScope)] } } } })
  await started.gateway.rooms.plugins.report()
  return started
}

t.test('every method is refused to whoever lacks its scope, and named with it', async t => {
  const { url } = await start(t)
  for (const held of scopes) {
    const { client } = await admitted(url, { scopes: [held] })
    const allows = expandScopes([held])
    for (const asked of scopes) {
      const answer = await client.request(`rights.${nameOf(asked)}`, {})
      if (allows.has(asked)) t.equal(answer.ok, true, `${held} reaches ${asked}`)
      else t.match(answer, { ok: false, error: { code: 'FORBIDDEN', details: { missingScope: asked, requiredScopes: [asked] } } }, `${held} is refused ${asked}`)
    }
    t.equal((await client.request('rights.unsaid', {})).ok, allows.has('operator.admin'), 'a method without a scope is for administrators')
    t.equal((await client.request('rights.either', {})).ok, allows.has('operator.approvals') || allows.has('operator.pairing'))
    await closeClient(client)
  }
  const { client: nobody } = await admitted(url, { scopes: [] })
  for (const asked of scopes) t.match(await nobody.request(`rights.${nameOf(asked)}`, {}), { ok: false, error: { code: 'FORBIDDEN' } })
  t.match(await nobody.request('rights.no-such', {}), { error: { details: { missingScope: 'operator.admin' } } }, 'unknown names are told to administrators only')
})

t.test('every route is refused to whoever lacks its scope, and to whoever shows nothing', async t => {
  const { http } = await start(t, { mode: 'none' })
  const ask = (path: string, held: readonly string[]) => fetch(`${http}/plugins/rights/${path}`, { headers: { 'x-openclaw-scopes': held.join(' ') } })
  for (const held of scopes) {
    for (const asked of scopes) {
      const { status } = await ask(nameOf(asked), [held])
      t.equal(status, expandScopes([held]).has(asked) ? 200 : 403, `${held} asks for what needs ${asked}`)
    }
  }
  t.equal((await ask('read', [])).status, 403)
  t.equal((await ask('unsaid', ['operator.read'])).status, 403)
  t.equal((await ask('unsaid', ['operator.write'])).status, 200)

  const closed = await start(t)
  for (const asked of scopes) {
    for (const method of ['GET', 'POST', 'DELETE']) {
      t.equal((await fetch(`${closed.http}/plugins/rights/${nameOf(asked)}`, { method })).status, 401, `${method} ${asked} without a credential`)
    }
  }
})

t.test('what an administrator calls acts with the right it asked for, and no more', async t => {
  const { url, http } = await start(t)
  const { client } = await admitted(url, { scopes: operatorScopes })
  for (const asked of scopes) {
    const { caller, may } = (await client.request(`rights.${nameOf(asked)}`, {})).payload
    const reach = expandScopes([asked])
    t.same([...caller.scopes].sort(), [...reach].sort(), asked)
    for (const [scope, outcome] of Object.entries(may)) t.equal(outcome, reach.has(scope as Scope) ? true : 'MISSING_SCOPE', `${asked} tries ${scope}`)
    const overHttp = await (await fetch(`${http}/plugins/rights/${nameOf(asked)}`, { headers: { authorization: `Bearer ${testToken}` } })).json() as { may: object }
    t.same(overHttp.may, may, 'over HTTP just so')
  }
})

t.test('a small caller stays small in a method that asks for one of several rights', async t => {
  const { url } = await start(t)
  const { client } = await admitted(url, { scopes: ['operator.pairing'] })
  t.match((await client.request('rights.either', {})).payload, {
    caller: { scopes: ['operator.pairing'] }, may: { 'operator.pairing': true, 'operator.approvals': 'MISSING_SCOPE', 'operator.read': 'MISSING_SCOPE' }
  })
})

t.test('nodes reach no method of a plugin', async t => {
  const { url } = await start(t)
  const { client } = await admitted(url, { role: 'node', scopes: [], client: { id: 'node-host', mode: 'node' } })
  for (const asked of scopes) t.match(await client.request(`rights.${nameOf(asked)}`, {}), { ok: false, error: { details: { code: 'UNAUTHORIZED_ROLE' } } })
})

t.test('a route that looks at credentials itself speaks for nobody', async t => {
  const { http } = await start(t)
  const answer = await fetch(`${http}/plugins/rights/webhook`, { method: 'POST', headers: { authorization: 'Bearer of-the-webhook' } })
  t.same(await answer.json(), { call: true, secret: 'Bearer of-the-webhook' }, 'it sees what it must look at')
})
