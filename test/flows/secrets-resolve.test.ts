import t from 'tap'
import { contractProblem } from '../contract.ts'
import { admitted, closeClient, startGateway, testToken } from '../helper.ts'
import { makeKey, programClient } from './key-scene.ts'

const config = { models: { providers: { local: { baseUrl: 'http://127.0.0.1:9', apiKey: { source: 'env', id: 'LOCAL_KEY' }, models: [] }, lost: { baseUrl: 'http://127.0.0.1:9', apiKey: { source: 'env', id: 'LOST_KEY' }, models: [] } } } }
const ask = { commandName: 'memory status', targetIds: ['models.providers.apiKey'] }

t.test('commands of this machine get the credentials that the gateway uses, as far as there are any', async t => {
  const gateway = await startGateway(t, { config, env: { LOCAL_KEY: 'key-of-the-local-provider' } })
  const { client } = await admitted(gateway.url)
  const { payload } = await client.request('secrets.resolve', ask)
  t.equal(contractProblem('SecretsResolveResult', payload), undefined)
  t.match(payload, {
    ok: true,
    assignments: [{ path: 'models.providers.local.apiKey', pathSegments: ['models', 'providers', 'local', 'apiKey'], value: 'key-of-the-local-provider' }],
    diagnostics: [/models\.providers\.lost\.apiKey: .*LOST_KEY is not set/]
  })
  t.equal(payload.assignments.length, 1)
  t.same((await client.request('secrets.resolve', { ...ask, allowedPaths: ['gateway.auth.token'] })).payload.assignments, [])
  t.match((await client.request('secrets.resolve', { ...ask, targetIds: ['gateway.port'] })).error, { code: 'INVALID_REQUEST', message: /unknown target id "gateway\.port"/ })
  t.match((await client.request('secrets.resolve', {})).error, { code: 'INVALID_REQUEST' })
  t.notMatch(gateway.log.join(''), /key-of-the-local-provider/)
  await closeClient(client)
})

t.test('nobody else gets them: no reader, and nobody from elsewhere', async t => {
  const gateway = await startGateway(t, { config: { ...config, gateway: { trustedProxies: ['127.0.0.1'], http: { endpoints: { adminRpc: { enabled: true } } } } }, env: { LOCAL_KEY: 'key-of-the-local-provider' } })
  const { client: reader } = await admitted(gateway.url, { scopes: ['operator.read'] })
  t.match((await reader.request('secrets.resolve', ask)).error, { message: 'missing scope: operator.admin' })
  const asked = async (headers: { [name: string]: string }): Promise<string> => {
    const response = await fetch(`${gateway.http}/api/v1/admin/rpc`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ method: 'secrets.resolve', params: ask })
    })
    return await response.text()
  }
  t.match(await asked({}), /key-of-the-local-provider/)
  t.match(await asked({ 'x-forwarded-for': '203.0.113.9' }), /^(?![^]*key-of)[^]*run the command there/)
  await closeClient(reader)
})

t.test('the key of a program gets none, whatever its scopes', async t => {
  const gateway = await startGateway(t, { config, env: { LOCAL_KEY: 'key-of-the-local-provider' } })
  const { client: admin } = await admitted(gateway.url)
  const scopes = ['operator.admin']
  const program = await makeKey(admin, 'program', { scopes })
  const { client } = await programClient(gateway, program, scopes)
  const { ok, error } = await client.request('secrets.resolve', ask)
  t.equal(ok, false)
  t.match(error, { message: /./ })
  t.notMatch(JSON.stringify(client.frames), /key-of-the-local-provider/)
  await closeClient(client)
  await closeClient(admin)
})
