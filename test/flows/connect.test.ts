import t from 'tap'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { methods } from '../../src/methods/index.ts'
import { contractProblem } from '../contract.ts'
import { admitted, challenged, closeClient, connect, operatorScopes, startGateway, testToken } from '../helper.ts'

t.test('a signed device with the shared token is let in with what it asked for', async t => {
  const gateway = await startGateway(t)
  const { client, hello } = await admitted(gateway.url)
  t.equal(contractProblem('HelloOk', hello), undefined)
  t.match(hello, {
    type: 'hello-ok',
    protocol: 4,
    auth: { role: 'operator', scopes: operatorScopes, deviceToken: /^[\w-]{43}$/ },
    policy: { maxPayload: 26_214_400, maxBufferedBytes: 52_428_800, tickIntervalMs: 30_000, attachments: { maxBytes: 19_464_192, maxImageBytes: 6_291_456 } },
    snapshot: { authMode: 'token', suspension: { phase: 'accepting' } }
  })
  t.ok(hello.features.methods.includes('health') && !hello.features.methods.includes('connect'))
  t.equal(client.frames[0]!.seq, undefined, 'the challenge carries no number')
  await closeClient(client)
})

t.test('v2 signatures are accepted too', async t => {
  const gateway = await startGateway(t)
  const { client, hello } = await admitted(gateway.url, { signature: 'v2' })
  t.equal(hello.auth.role, 'operator')
  await closeClient(client)
})

t.test('a client clock that is a day off does no harm when it signs the time of the challenge', async t => {
  const gateway = await startGateway(t)
  const { client, hello } = await admitted(gateway.url)
  t.ok(hello.auth.deviceToken)
  await closeClient(client)
})

t.test('the same device gets the same token again, and gets in with it alone', async t => {
  const gateway = await startGateway(t)
  const device = createDeviceIdentity()
  const first = await admitted(gateway.url, { device, scopes: ['operator.read'] })
  const second = await admitted(gateway.url, { device, scopes: ['operator.read'] })
  t.equal(second.hello.auth.deviceToken, first.hello.auth.deviceToken)
  const third = await admitted(gateway.url, { device, scopes: ['operator.read'], auth: { deviceToken: first.hello.auth.deviceToken } })
  t.same(third.hello.auth.scopes, ['operator.read'])
  const inTokenField = await admitted(gateway.url, { device, scopes: ['operator.read'], auth: { token: first.hello.auth.deviceToken } })
  t.same(inTokenField.hello.auth.scopes, ['operator.read'])
  for (const { client } of [first, second, third, inTokenField]) await closeClient(client)
})

t.test('a device token never widens itself', async t => {
  const gateway = await startGateway(t)
  const device = createDeviceIdentity()
  const { client, hello } = await admitted(gateway.url, { device, scopes: ['operator.read'] })
  const wider = await connect(gateway.url, { device, scopes: ['operator.read', 'operator.admin'], auth: { deviceToken: hello.auth.deviceToken } })
  t.match(wider.response.error, { code: 'INVALID_REQUEST', details: { code: 'AUTH_SCOPE_MISMATCH', recommendedNextStep: 'review_auth_configuration' } })
  t.equal((await wider.client.close()).code, 1008)
  await closeClient(client)
})

t.test('the token of one device is worth nothing to another', async t => {
  const gateway = await startGateway(t)
  const { client, hello } = await admitted(gateway.url, { scopes: ['operator.read'] })
  const thief = await connect(gateway.url, { scopes: ['operator.read'], auth: { deviceToken: hello.auth.deviceToken } })
  t.equal(thief.response.error.details.code, 'AUTH_DEVICE_TOKEN_MISMATCH')
  await closeClient(client)
})

t.test('a nonce works once, also for another socket', async t => {
  const gateway = await startGateway(t)
  const { client, challenge } = await challenged(gateway.url)
  const other = await connect(gateway.url, { adjust: params => ({ ...params, device: { ...params.device, nonce: challenge.nonce } }) })
  t.equal(other.response.error.details.code, 'DEVICE_AUTH_NONCE_MISMATCH', 'the nonce of another connection')
  await closeClient(client)
})

t.test('a nonce from /api/device/nonce stands in for the challenge, once', async t => {
  const gateway = await startGateway(t)
  const issued = await (await fetch(`${gateway.http}/api/device/nonce`, { method: 'POST' })).json() as { nonce: string, ts: number }
  const { signedDevice } = await import('../helper.ts')
  const device = createDeviceIdentity()
  const adjust = (params: any) => ({ ...params, device: signedDevice(device, params, issued) })
  const { client } = await admitted(gateway.url, { device, adjust })
  const again = await connect(gateway.url, { device, adjust })
  t.equal(again.response.error.details.code, 'DEVICE_AUTH_NONCE_MISMATCH')
  await closeClient(client)
})

t.test('what a client without a device may do depends on the credential and the place, not on its name', async t => {
  const gateway = await startGateway(t)
  const cli = await admitted(gateway.url, { device: false })
  t.same(cli.hello.auth.scopes, operatorScopes, 'the official CLI relies on this')
  const reference = await admitted(gateway.url, { device: false, client: { id: 'gateway-client', mode: 'backend' } })
  t.same(reference.hello.auth.scopes, operatorScopes, 'the reference client relies on this')
  for (const [id, mode] of [['test', 'backend'], ['openclaw-probe', 'probe'], ['gateway-client', 'cli'], ['cli', 'backend'], ['openclaw-macos', 'ui'], ['test', 'test']]) {
    const other = await admitted(gateway.url, { device: false, client: { id, mode } })
    t.same(other.hello.auth.scopes, [], `${id}/${mode}`)
    t.equal(other.hello.auth.deviceToken, undefined)
    t.match(await other.client.request('status'), { error: { code: 'FORBIDDEN', details: { code: 'MISSING_SCOPE', missingScope: 'operator.read' } } })
    await closeClient(other.client)
  }
  for (const { client } of [cli, reference]) await closeClient(client)
})

t.test('scopes outside the closed set are granted to nobody', async t => {
  const gateway = await startGateway(t)
  const { client, hello } = await admitted(gateway.url, { scopes: ['operator.read', 'operator.bogus', 'admin', '*'] })
  t.same(hello.auth.scopes, ['operator.read'])
  await closeClient(client)
})

t.test('the hello of old clients is answered like connect', async t => {
  const gateway = await startGateway(t)
  const { client } = await challenged(gateway.url)
  client.send({ type: 'hello', token: testToken })
  const response = await client.frame(frame => frame.type === 'res')
  t.match(response, { id: 'hello', ok: true, payload: { type: 'hello-ok', auth: { scopes: ['operator.read', 'operator.write'] } } })
  t.match(await client.request('health'), { ok: true, payload: { ok: true } })
  await closeClient(client)
  const wrong = await challenged(gateway.url)
  wrong.client.send({ type: 'hello', id: 'h1', token: 'wrong' })
  t.match(await wrong.client.frame(frame => frame.type === 'res'), { id: 'h1', ok: false, error: { details: { code: 'AUTH_TOKEN_MISMATCH' } } })
  t.equal((await wrong.client.close()).code, 1008)
})

t.test('requests sent right behind connect wait for it and are answered', async t => {
  const gateway = await startGateway(t)
  const { client } = await challenged(gateway.url)
  const params = { minProtocol: 4, maxProtocol: 4, client: { id: 'cli', version: '1', platform: 'linux', mode: 'cli' }, scopes: ['operator.read'], auth: { token: testToken } }
  client.send({ type: 'req', id: 'connect', method: 'connect', params })
  client.send({ type: 'req', id: 'a', method: 'health' })
  client.send({ type: 'req', id: 'b', method: 'system-presence' })
  await Promise.all(['a', 'b'].map(id => client.frame(frame => frame.id === id)))
  const answered = client.frames.filter(frame => frame.type === 'res').map(frame => frame.id)
  t.equal(answered[0], 'connect')
  t.same([...answered].sort(), ['a', 'b', 'connect'])
  await closeClient(client)
})

t.test('older protocol versions are spoken where a client offers nothing newer', async t => {
  const gateway = await startGateway(t)
  for (const client of [{ id: 'openclaw-probe', mode: 'probe' }, { id: 'cli', mode: 'cli' }]) {
    const { client: socket, hello } = await admitted(gateway.url, { client, adjust: params => ({ ...params, minProtocol: 3, maxProtocol: 3 }) })
    t.equal(hello.protocol, 3)
    t.equal(contractProblem('HelloOk', hello), undefined)
    await closeClient(socket)
  }
  const range = await admitted(gateway.url, { adjust: params => ({ ...params, minProtocol: 1, maxProtocol: 99 }) })
  t.equal(range.hello.protocol, 4)
  await closeClient(range.client)
})

t.test('paths of this host are told to administrators only', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url)
  t.equal(admin.hello.snapshot.stateDir, gateway.stateDir)
  const reader = await admitted(gateway.url, { scopes: ['operator.read'] })
  t.notMatch(JSON.stringify(reader.hello), gateway.stateDir)
  for (const { client } of [admin, reader]) await closeClient(client)
})

t.test('hello-ok advertises methods that exist, and only those meant to be advertised', async t => {
  const gateway = await startGateway(t)
  const { client, hello } = await admitted(gateway.url)
  const expected = Object.entries(methods).filter(([, method]) => method.advertise !== false).map(([name]) => name)
  t.same(hello.features.methods, expected)
  await closeClient(client)
})

t.test('sixty-four clients that connect at once all get in', async t => {
  const gateway = await startGateway(t)
  const all = await Promise.all(Array.from({ length: 64 }, () => admitted(gateway.url)))
  t.equal(all.filter(({ hello }) => hello.type === 'hello-ok').length, 64)
  await Promise.all(all.map(({ client }) => closeClient(client)))
})
