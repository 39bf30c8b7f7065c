/** Pairing and device tokens, as they were recorded of the existing gateway (2026.9.6). */
import t from 'tap'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { admitted, closeClient, connect, startGateway, type ConnectOptions, type TestGateway } from '../helper.ts'
import { scopes, unauthorized } from './recorded-answers.ts'

t.test('a device token is reused, not widened, rotated and revoked as recorded', async t => {
  const gateway = await startGateway(t)
  const identity = createDeviceIdentity()
  const read = ['operator.read']
  const shared = await admitted(gateway.url, { device: identity, scopes: read })
  const { deviceToken, issuedAtMs } = shared.hello.auth
  const own = await admitted(gateway.url, { device: identity, scopes: read, auth: { deviceToken } })
  t.match(own.hello.auth, { scopes: read, deviceToken, issuedAtMs })
  await closeClient(own.client)

  const wider = await connect(gateway.url, { device: identity, scopes: ['operator.read', 'operator.admin'], auth: { deviceToken } })
  const scopeMismatch = unauthorized('device token scope mismatch (re-pair or approve scope upgrade)', 'AUTH_SCOPE_MISMATCH', 'scope_mismatch', 'review_auth_configuration')
  t.match(wider.response.error, { code: 'INVALID_REQUEST', message: scopeMismatch.message, details: scopeMismatch.details })
  t.same(await wider.client.close(), { code: 1008, reason: scopeMismatch.message })

  const admin = await admitted(gateway.url, { scopes })
  const target = { deviceId: identity.deviceId, role: 'operator' }
  const rotated = await admin.client.request('device.token.rotate', target)
  t.match(rotated.payload, { ...target, scopes: read, rotatedAtMs: Number, tokenDelivery: 'withheld-cross-device' })
  t.equal(rotated.payload.token, undefined)
  // Theirs says "device removed" whatever happened to the token.
  t.same(await shared.client.close(), { code: 4001, reason: 'device token rotated' })
  t.match((await admin.client.request('device.token.revoke', target)).payload, { ...target, revokedAtMs: Number })
  const revoked = await connect(gateway.url, { device: identity, scopes: read, auth: { deviceToken } })
  t.match(revoked.response.error, { message: 'unauthorized: device token mismatch (rotate/reissue device token)', details: { code: 'AUTH_DEVICE_TOKEN_MISMATCH' } })
  await closeClient(admin.client)
})

t.test('a device that rotates its own token is told the new one before it is shown out, as recorded', async t => {
  const gateway = await startGateway(t)
  const identity = createDeviceIdentity()
  const first = await admitted(gateway.url, { device: identity, scopes })
  const second = await admitted(gateway.url, { device: identity, scopes, auth: { deviceToken: first.hello.auth.deviceToken } })
  const { payload } = await second.client.request('device.token.rotate', { deviceId: identity.deviceId, role: 'operator' })
  t.match(payload, { tokenDelivery: 'in-band', token: /^[\w-]{43}$/ })
  t.same([...payload.scopes].sort(), [...scopes].sort())
  for (const { client } of [first, second]) t.same(await client.close(), { code: 4001, reason: 'device token rotated' })
  const again = await admitted(gateway.url, { device: identity, scopes, auth: { deviceToken: payload.token } })
  await closeClient(again.client)
})

async function pairingOf (gateway: TestGateway, options: ConnectOptions) {
  const { client, response } = await connect(gateway.url, options)
  const { reason } = await client.close()
  return { error: response.error, reason }
}

t.test('pairing, a wider wish and another role go as recorded', async t => {
  const gateway = await startGateway(t, { config: { gateway: { nodes: { pairing: { autoApproveLocal: false } } } } })
  const identity = createDeviceIdentity()
  const { deviceId } = identity
  const admin = await admitted(gateway.url, { scopes, device: false, client: { id: 'gateway-client', mode: 'backend' } })
  const resolvedFor = (requestId: string) => admin.client.frame(({ event, payload }) => event === 'device.pair.resolved' && payload.requestId === requestId)

  const fresh = await pairingOf(gateway, { device: identity, scopes: ['operator.read'] })
  t.match(fresh.error, {
    code: 'NOT_PAIRED',
    message: 'pairing required: device is not approved yet',
    details: { code: 'PAIRING_REQUIRED', reason: 'not-paired', requestId: String, deviceId, requestedRole: 'operator', requestedScopes: ['operator.read'] }
  })
  const { requestId } = fresh.error.details
  t.equal(fresh.reason, `pairing required: device is not approved yet (requestId: ${requestId})`)
  const announced = { requestId, deviceId, platform: 'linux', clientId: 'cli', clientMode: 'cli', role: 'operator', roles: ['operator'], scopes: ['operator.read'], silent: false, isRepair: false, ts: Number }
  t.match((await admin.client.event('device.pair.requested')).payload, announced)
  t.match((await admin.client.request('device.pair.list', {})).payload, { pending: [announced] })
  const approved = await admin.client.request('device.pair.approve', { requestId })
  t.match(approved.payload, { requestId, device: { deviceId, roles: ['operator'], scopes: ['operator.read'], approvedVia: 'owner', tokens: [{ role: 'operator', scopes: ['operator.read'] }] } })
  t.match((await resolvedFor(requestId)).payload, { deviceId, decision: 'approved', ts: Number })
  const { client } = await admitted(gateway.url, { device: identity, scopes: ['operator.read'] })
  await closeClient(client)

  const wider = await pairingOf(gateway, { device: identity, scopes: ['operator.read', 'operator.write'] })
  t.match(wider.error, {
    code: 'NOT_PAIRED',
    message: 'pairing required: device is asking for more scopes than currently approved',
    details: { reason: 'scope-upgrade', requestedScopes: ['operator.read', 'operator.write'], approvedRoles: ['operator'], approvedScopes: ['operator.read'] }
  })
  t.ok(wider.reason.startsWith(`${wider.error.message} (requestId: `) && Buffer.byteLength(wider.reason) <= 123)
  const rejected = await admin.client.request('device.pair.reject', { requestId: wider.error.details.requestId })
  t.match(rejected.payload, { requestId: wider.error.details.requestId, deviceId })
  t.match((await resolvedFor(wider.error.details.requestId)).payload, { decision: 'rejected' })

  const node: ConnectOptions = { device: identity, role: 'node', scopes: [], client: { id: 'node-host', mode: 'node', displayName: 'Transcript Node' } }
  const role = await pairingOf(gateway, node)
  t.match(role.error, { code: 'NOT_PAIRED', message: 'pairing required: device is asking for a higher role than currently approved', details: { reason: 'role-upgrade', requestedRole: 'node', approvedRoles: ['operator'] } })
  const second = await admin.client.request('device.pair.approve', { requestId: role.error.details.requestId })
  t.match(second.payload, { device: { displayName: 'Transcript Node', roles: ['operator', 'node'], scopes: ['operator.read'] } })
  const asNode = await admitted(gateway.url, node)
  t.match(asNode.hello.auth, { role: 'node', scopes: [], deviceToken: /^[\w-]{43}$/ })
  t.match((await admin.client.event('node.pair.requested')).payload, { nodeId: deviceId, caps: [], commands: [], requiredApproveScopes: ['operator.pairing'] })
  await closeClient(asNode.client)
  await closeClient(admin.client)
})
