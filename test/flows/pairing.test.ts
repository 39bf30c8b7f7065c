/** Pairing over the wire: who waits for whom, and what is answered. */
import t from 'tap'
import { createDeviceIdentity } from '../../src/lib/device-identity.ts'
import { contractProblem } from '../contract.ts'
import { admitted, closeClient, connect, startGateway, type Frame } from '../helper.ts'
import { behindProxy } from '../security/attacker.ts'
import { events, home, refusedFrom, remote } from './remote-device.ts'

t.test('a new device of another place waits, is listed, approved and let in; the shapes are those of the contract', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const admin = await admitted(gateway.url)
  const device = createDeviceIdentity()
  const { error, closed } = await refusedFrom(gateway, { device, scopes: ['operator.read'], client: { displayName: 'Kitchen' } })
  const { requestId } = error.details
  t.match(requestId, /^[0-9a-f-]{36}$/)
  t.same(error, {
    code: 'NOT_PAIRED',
    message: 'pairing required: device is not approved yet',
    details: {
      code: 'PAIRING_REQUIRED',
      reason: 'not-paired',
      requestId,
      remediationHint: `Approve it on the gateway host: openclaw devices approve ${requestId}`,
      deviceId: device.deviceId,
      requestedRole: 'operator',
      requestedScopes: ['operator.read'],
      nextStep: error.details.nextStep
    }
  })
  t.same(closed, { code: 1008, reason: `pairing required: device is not approved yet (requestId: ${requestId})` })

  const asked = (await admin.client.event('device.pair.requested')).payload
  t.equal(contractProblem('DevicePairRequestedEvent', asked), undefined)
  t.same(asked, {
    requestId,
    deviceId: device.deviceId,
    publicKey: device.publicKey,
    displayName: 'Kitchen',
    platform: 'linux',
    clientId: 'cli',
    clientMode: 'cli',
    role: 'operator',
    roles: ['operator'],
    scopes: ['operator.read'],
    remoteIp: home,
    silent: false,
    isRepair: false,
    ts: asked.ts
  })
  const listed = (await admin.client.request('device.pair.list', {})).payload
  t.same(listed.pending, [asked])

  const approved = await admin.client.request('device.pair.approve', { requestId })
  t.same(Object.keys(approved.payload), ['requestId', 'device'])
  t.match(approved.payload.device, {
    deviceId: device.deviceId,
    publicKey: device.publicKey,
    displayName: 'Kitchen',
    role: 'operator',
    roles: ['operator'],
    scopes: ['operator.read'],
    approvedVia: 'owner',
    createdAtMs: Number,
    approvedAtMs: Number,
    tokens: [{ role: 'operator', scopes: ['operator.read'], createdAtMs: Number }]
  })
  t.notMatch(JSON.stringify(approved), /tokenHash|"token"/, 'no token and no hash')
  const resolved = (await admin.client.frame(frame => frame.event === 'device.pair.resolved' && frame.payload.requestId === requestId)).payload
  t.same(resolved, { requestId, deviceId: device.deviceId, decision: 'approved', ts: resolved.ts })
  t.equal(contractProblem('DevicePairResolvedEvent', resolved), undefined)
  t.match((await admin.client.request('device.pair.approve', { requestId })).error, { code: 'INVALID_REQUEST', message: 'unknown requestId' })

  const { client, hello } = await admitted(gateway.url, { device, scopes: ['operator.read'], socket: remote })
  t.same(hello.auth.scopes, ['operator.read'])
  t.match(hello.auth.deviceToken, /^[\w-]{43}$/)
  const { paired } = (await admin.client.request('device.pair.list', {})).payload
  t.match(paired.find((row: Frame) => row.deviceId === device.deviceId), { connected: true, lastSeenReason: 'connect', lastSeenAtMs: Number, remoteIp: home, approvedBy: String })
  for (const each of [client, admin.client]) await closeClient(each)
})

t.test('asking again is the same request, one entry, one event and one line of the log', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const admin = await admitted(gateway.url)
  const device = createDeviceIdentity()
  const ids = new Set<string>()
  for (let i = 0; i < 12; i++) {
    const { error } = await refusedFrom(gateway, { device, client: { displayName: `name ${i}`, version: `1.0.${i}` } })
    ids.add(error.details.requestId)
  }
  await Promise.all(Array.from({ length: 8 }, async () => ids.add((await refusedFrom(gateway, { device })).error.details.requestId)))
  t.equal(ids.size, 1)
  const [requestId] = ids
  t.equal((await admin.client.request('device.pair.list', {})).payload.pending.length, 1)
  t.equal(events(admin.client, 'device.pair.requested').length, 1)
  t.equal(gateway.log.filter(line => line.includes(requestId!)).length, 1)
  const other = await refusedFrom(gateway, {})
  t.equal(gateway.log.filter(line => line.includes(other.error.details.requestId)).length, 1, 'another device has a line of its own')
  await closeClient(admin.client)
})

t.test('only programs of this very machine are approved by themselves', async t => {
  const gateway = await startGateway(t, { config: { gateway: { ...behindProxy.gateway, nodes: { pairing: { autoApproveLocal: true } } } } })
  const local = await admitted(gateway.url)
  const { paired } = (await local.client.request('device.pair.list', {})).payload
  t.match(paired, [{ approvedVia: 'silent' }])
  t.equal((await refusedFrom(gateway, {})).error.details.code, 'PAIRING_REQUIRED')
  t.equal((await refusedFrom(gateway, { role: 'node', scopes: [], client: { id: 'node-host', mode: 'node' } })).error.details.code, 'PAIRING_REQUIRED')
  await closeClient(local.client)
  const strict = await startGateway(t, { config: { gateway: { nodes: { pairing: { autoApproveLocal: false } } } } })
  const refused = await connect(strict.url, {})
  t.equal(refused.response.error.details.code, 'PAIRING_REQUIRED', 'unless that was switched off')
  await refused.client.close()
  const administrator = await admitted(strict.url, { device: false, auth: { token: strict.adminToken } })
  const { pending } = (await administrator.client.request('device.pair.list', {})).payload
  t.match(await administrator.client.request('device.pair.approve', { requestId: pending[0].requestId }), { ok: true }, 'a local command can always approve')
  await closeClient(administrator.client)
})

t.test('a rejected request is gone, and asking again is another', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const admin = await admitted(gateway.url)
  const device = createDeviceIdentity()
  const { requestId } = (await refusedFrom(gateway, { device })).error.details
  t.same((await admin.client.request('device.pair.reject', { requestId })).payload, { requestId, deviceId: device.deviceId })
  t.match((await admin.client.frame(frame => frame.event === 'device.pair.resolved' && frame.payload.requestId === requestId)).payload, { decision: 'rejected' })
  t.match((await admin.client.request('device.pair.reject', { requestId })).error, { message: 'unknown requestId' })
  const again = (await refusedFrom(gateway, { device })).error.details.requestId
  t.not(again, requestId, 'asking again is a new request')
  await closeClient(admin.client)
})

t.test('events about pairing reach those who may pair, and nobody else', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const pairing = await admitted(gateway.url, { scopes: ['operator.pairing'] })
  const admin = await admitted(gateway.url)
  const others = [
    await admitted(gateway.url, { scopes: ['operator.read', 'operator.write', 'operator.approvals', 'operator.questions', 'operator.talk.secrets'] }),
    await admitted(gateway.url, { scopes: [] }),
    await admitted(gateway.url, { role: 'node', scopes: [], client: { id: 'node-host', mode: 'node' } })
  ]
  const { requestId } = (await refusedFrom(gateway, {})).error.details
  await admin.client.request('device.pair.approve', { requestId })
  gateway.gateway.rooms.events.emit('tick', { ts: 1 })
  for (const { client } of [pairing, admin, ...others]) await client.event('tick')
  for (const { client } of [pairing, admin]) {
    t.ok(events(client, 'device.pair.requested').some(payload => payload.requestId === requestId))
    t.ok(events(client, 'device.pair.resolved').some(payload => payload.requestId === requestId))
  }
  for (const { client } of others) t.same(client.frames.filter(frame => /\.pair\./.test(frame.event)), [])
  for (const { client } of [pairing, admin, ...others]) await closeClient(client)
})

t.test('a label of the operator stays with the device', async t => {
  const gateway = await startGateway(t)
  const device = createDeviceIdentity()
  const { client } = await admitted(gateway.url, { device })
  t.same((await client.request('device.pair.rename', { deviceId: device.deviceId, label: 'Desk' })).payload, { deviceId: device.deviceId, label: 'Desk' })
  t.match((await client.request('device.pair.list', {})).payload.paired, [{ operatorLabel: 'Desk' }])
  t.match((await client.request('device.pair.rename', { deviceId: 'nobody', label: 'x' })).error, { code: 'INVALID_REQUEST' })
  t.match((await client.request('device.pair.rename', { deviceId: device.deviceId, label: 'x'.repeat(65) })).error, { code: 'INVALID_REQUEST' })
  await closeClient(client)
})
