/** A paired device asks for more, or looks different: its old authority stays until somebody decides. */
import t from 'tap'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { contractProblem } from '../contract.ts'
import { eventually } from '../fixtures/eventually.ts'
import { admitted, closeClient, connect, operatorScopes, startGateway, testToken, type ConnectOptions, type Frame } from '../helper.ts'
import { behindProxy } from '../security/attacker.ts'
import { pairedRemotely, refusedFrom, remote } from './remote-device.ts'

t.test('a request for more scopes leaves what the device has as it is', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const admin = await admitted(gateway.url)
  const { device, client, hello } = await pairedRemotely(gateway, admin.client)
  const { error, closed } = await refusedFrom(gateway, { device, scopes: ['operator.read', 'operator.write'] })
  const { requestId } = error.details
  t.match(error, {
    code: 'NOT_PAIRED',
    message: 'pairing required: device is asking for more scopes than currently approved',
    details: { reason: 'scope-upgrade', requestedScopes: ['operator.read', 'operator.write'], approvedRoles: ['operator'], approvedScopes: ['operator.read'] }
  })
  t.equal(closed.reason, `pairing required: device is asking for more scopes than currently approved (requestId: ${requestId})`.slice(0, 123), 'cut to what a close frame holds')
  t.match(await client.request('status', {}), { ok: true }, 'the open socket goes on')
  const same = await admitted(gateway.url, { device, scopes: ['operator.read'], socket: remote, auth: { deviceToken: hello.auth.deviceToken } })
  t.equal(same.hello.auth.deviceToken, hello.auth.deviceToken, 'so does the token')
  t.match((await admin.client.request('device.pair.list', {})).payload.pending, [{ requestId, isRepair: true, scopes: ['operator.read', 'operator.write'] }])

  await admin.client.request('device.pair.reject', { requestId })
  t.same((await admitted(gateway.url, { device, scopes: ['operator.read'], socket: remote })).hello.auth.scopes, ['operator.read'], 'a no takes nothing away')
  const second = (await refusedFrom(gateway, { device, scopes: ['operator.read', 'operator.write'] })).error.details.requestId
  await admin.client.request('device.pair.approve', { requestId: second })
  const wider = await admitted(gateway.url, { device, scopes: ['operator.read', 'operator.write'], socket: remote })
  t.same(wider.hello.auth.scopes, ['operator.read', 'operator.write'])
  t.match((await client.request('system-event', { text: 'x' })).error, { code: 'FORBIDDEN' }, 'an open socket does not grow by itself')
  for (const each of [client, same.client, wider.client, admin.client]) await closeClient(each)
})

t.test('with scopeSurplus "connect" a device is let in with what it has, and the surplus waits', async t => {
  const gateway = await startGateway(t, { config: { gateway: { ...behindProxy.gateway, pairing: { scopeSurplus: 'connect' } } } })
  const admin = await admitted(gateway.url)
  const { device, client, hello } = await pairedRemotely(gateway, admin.client)
  for (const auth of [{ token: testToken }, { deviceToken: hello.auth.deviceToken }]) {
    const limited = await admitted(gateway.url, { device, scopes: ['operator.read', 'operator.admin'], socket: remote, auth: auth as {} })
    t.same(limited.hello.auth.scopes, ['operator.read'])
    t.match((await limited.client.request('system-event', { text: 'x' })).error, { code: 'FORBIDDEN' })
    await closeClient(limited.client)
  }
  const { pending } = (await admin.client.request('device.pair.list', {})).payload
  t.match(pending, [{ deviceId: device.deviceId, scopes: ['operator.read', 'operator.admin'] }])
  await admin.client.request('device.pair.approve', { requestId: pending[0].requestId })
  const whole = await admitted(gateway.url, { device, scopes: ['operator.read', 'operator.admin'], socket: remote })
  t.same(whole.hello.auth.scopes, ['operator.read', 'operator.admin'])
  t.equal((await refusedFrom(gateway, {})).error.details.code, 'PAIRING_REQUIRED', 'a stranger still waits outside')
  for (const each of [client, whole.client, admin.client]) await closeClient(each)
})

t.test('with scopeSurplus "connect" a token that was narrowed stays narrow', async t => {
  const gateway = await startGateway(t, { config: { gateway: { pairing: { scopeSurplus: 'connect' } } } })
  const device = createDeviceIdentity()
  const first = await admitted(gateway.url, { device })
  const admin = await admitted(gateway.url)
  await admin.client.request('device.token.rotate', { deviceId: device.deviceId, role: 'operator', scopes: ['operator.read'] })
  await first.client.close()
  const narrow = await admitted(gateway.url, { device, scopes: ['operator.read'] })
  const { deviceToken } = narrow.hello.auth
  const greedy = await admitted(gateway.url, { device, scopes: operatorScopes, auth: { deviceToken } })
  t.same(greedy.hello.auth.scopes, ['operator.read'])
  t.equal(greedy.hello.auth.deviceToken, deviceToken, 'and it is not replaced by a wider one')
  for (const each of [narrow.client, greedy.client, admin.client]) await closeClient(each)
})

t.test('another role is a request of its own, on this machine too, and the operator in the device goes on', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url)
  const device = createDeviceIdentity()
  const operator = await admitted(gateway.url, { device, scopes: ['operator.read'] })
  const node: ConnectOptions = { device, role: 'node', scopes: [], client: { id: 'node-host', mode: 'node', displayName: 'Workbench', deviceFamily: 'Linux' } }
  const refused = await connect(gateway.url, node)
  const { requestId } = refused.response.error.details
  t.match(refused.response.error, {
    message: 'pairing required: device is asking for a higher role than currently approved',
    details: { reason: 'role-upgrade', requestedRole: 'node', approvedRoles: ['operator'], approvedScopes: ['operator.read'] }
  })
  t.notOk('requestedScopes' in refused.response.error.details)
  t.equal((await refused.client.close()).reason, `pairing required: device is asking for a higher role than currently approved (requestId: ${requestId})`.slice(0, 123))
  t.match(await operator.client.request('status', {}), { ok: true })

  const asked = (await admin.client.event('device.pair.requested')).payload
  t.match(asked, { requestId, role: 'node', roles: ['node'], scopes: [], isRepair: true, silent: false, deviceFamily: 'Linux' })
  const approved = (await admin.client.request('device.pair.approve', { requestId })).payload
  t.match(approved.device, { role: 'node', roles: ['operator', 'node'], scopes: ['operator.read'], tokens: [{ role: 'node', scopes: [] }, { role: 'operator', scopes: ['operator.read'] }] })
  const connected = await admitted(gateway.url, node)
  t.not(connected.hello.auth.deviceToken, operator.hello.auth.deviceToken, 'every role has a token of its own')
  const again = await admitted(gateway.url, { device, scopes: ['operator.read'], auth: { deviceToken: operator.hello.auth.deviceToken } })
  t.same(again.hello.auth.scopes, ['operator.read'])
  const wrongRole = await connect(gateway.url, { ...node, auth: { deviceToken: operator.hello.auth.deviceToken } })
  t.equal(wrongRole.response.error.details.code, 'AUTH_DEVICE_TOKEN_MISMATCH')
  for (const each of [admin.client, operator.client, connected.client, again.client, wrongRole.client]) await closeClient(each)
})

t.test('a new name, version, spelling of the platform or missing family does not unpair', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const admin = await admitted(gateway.url)
  const { device, client } = await pairedRemotely(gateway, admin.client, { client: { platform: 'darwin', deviceFamily: 'Mac', displayName: 'Mac of Ada' } })
  for (const changed of [
    { platform: 'macOS 26.1', deviceFamily: 'Mac' }, { platform: 'MACOS', deviceFamily: 'mac' }, { platform: 'darwin' }, { platform: 'macos', deviceFamily: 'Mac', version: '99', displayName: 'Renamed' },
    { id: 'gateway-client', mode: 'backend', platform: 'darwin' }
  ] as Array<{ [field: string]: string }>) {
    const same = await admitted(gateway.url, { device, scopes: ['operator.read'], socket: remote, client: changed })
    await closeClient(same.client)
  }
  const other = await refusedFrom(gateway, { device, scopes: ['operator.read'], client: { platform: 'windows', deviceFamily: 'PC' } })
  t.match(other.error.details, { code: 'PAIRING_REQUIRED', reason: 'metadata-upgrade' }, 'another kind of machine has to be looked at')
  t.match(await client.request('status', {}), { ok: true })
  for (const each of [client, admin.client]) await closeClient(each)
})

t.test('more scopes over a live socket: asked, waited for, and handed to nobody else', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const admin = await admitted(gateway.url)
  const { device, client, hello } = await pairedRemotely(gateway, admin.client)
  const ask = async (scopes: string[]): Promise<Frame> => client.request('device.scopes.requestUpgrade', { scopes })
  const first = await ask(['operator.read', 'operator.write'])
  t.equal(contractProblem('ScopeUpgradeRegistration', first.payload), undefined)
  const { requestId } = first.payload
  t.equal((await ask(['operator.read', 'operator.write'])).payload.requestId, requestId, 'asking again is the same request')
  t.match((await admin.client.request('device.pair.list', {})).payload.pending, [{ requestId, scopes: ['operator.read', 'operator.write'], isRepair: true }])
  t.match((await admin.client.request('device.scopes.waitUpgrade', { requestId })).error, { message: 'unknown requestId' }, 'a stranger waits for nothing')
  const decided = client.request('device.scopes.waitUpgrade', { requestId })
  // Frames of one connection are taken one after the other: when this is answered the other one is waiting.
  await client.request('health')
  await admin.client.request('device.pair.approve', { requestId })
  const result = (await decided).payload
  t.equal(contractProblem('ScopeUpgradeResult', result), undefined)
  t.match(result, { status: 'approved', requestId, deviceToken: /^[\w-]{43}$/, scopes: ['operator.read', 'operator.write'] })
  t.not(result.deviceToken, hello.auth.deviceToken)
  t.notMatch(JSON.stringify(admin.client.frames), result.deviceToken, 'whoever approves sees no token')
  t.match((await client.request('device.pair.setupCode', {})).error, { code: 'FORBIDDEN' })
  const wider = await admitted(gateway.url, { device, scopes: ['operator.write'], socket: remote, auth: { deviceToken: result.deviceToken } })
  t.same(wider.hello.auth.scopes, ['operator.write'])

  const rejected = (await ask(['operator.admin'])).payload.requestId
  const no = client.request('device.scopes.waitUpgrade', { requestId: rejected })
  await client.request('health')
  await admin.client.request('device.pair.reject', { requestId: rejected })
  t.same((await no).payload, { status: 'rejected', requestId: rejected })
  const early = (await ask(['operator.admin'])).payload.requestId
  await admin.client.request('device.pair.reject', { requestId: early })
  t.same((await client.request('device.scopes.waitUpgrade', { requestId: early })).payload, { status: 'rejected', requestId: early }, 'a decision that came before the question')
  t.match((await ask(['operator.read'])).error, { code: 'INVALID_REQUEST', message: /holds these scopes already/ })
  t.match((await ask(['operator.bogus'])).error, { code: 'INVALID_REQUEST', message: /unknown scope/ })
  t.match((await ask([])).error, { code: 'INVALID_REQUEST' })
  const poor = await admitted(gateway.url, { scopes: [] })
  t.match(await poor.client.request('device.scopes.requestUpgrade', { scopes: ['operator.read'] }), { ok: true }, 'who has nothing may ask')
  for (const each of [client, wider.client, poor.client, admin.client]) await closeClient(each)
})

t.test('a scope upgrade that nobody decides expires, and one whose client leaves is forgotten', async t => {
  let at = Date.now()
  const gateway = await startGateway(t, { now: () => at })
  const { client } = await admitted(gateway.url, { scopes: ['operator.read'] })
  const { requestId } = (await client.request('device.scopes.requestUpgrade', { scopes: ['operator.admin'] })).payload
  const waiting = client.request('device.scopes.waitUpgrade', { requestId })
  await client.request('health')
  at += 5 * 60_000 + 1
  gateway.gateway.rooms.devices.listPending()
  t.same((await waiting).payload, { status: 'expired', requestId })
  const again = (await client.request('device.scopes.requestUpgrade', { scopes: ['operator.admin'] })).payload
  client.send({ type: 'req', id: 'w', method: 'device.scopes.waitUpgrade', params: { requestId: again.requestId } })
  await client.request('health')
  await closeClient(client)
  await eventually(() => gateway.gateway.rooms.connections.counts().connected, connected => connected === 0)
  t.equal(gateway.gateway.rooms.devices.listPending().length, 1, 'the request itself stays until somebody decides')
})
