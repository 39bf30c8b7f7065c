/** Pairing over the wire: who waits for whom, what is answered, and that an old authority stays until somebody decides. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createDeviceIdentity, type DeviceIdentity } from '../../src/lib/device-identity.ts'
import { contractProblem } from '../contract.ts'
import { admitted, closeClient, connect, operatorScopes, startGateway, testToken, type ConnectOptions, type Frame, type TestClient, type TestGateway } from '../helper.ts'
import { behindProxy, eventually, socketFrom } from '../security/attacker.ts'

const home = '198.51.100.7'
const remote = socketFrom(home)

/** Asks from far away, and says how it was refused. */
async function refusedFrom (gateway: TestGateway, options: ConnectOptions): Promise<{ error: Frame, closed: { code: number, reason: string } }> {
  const { client, response } = await connect(gateway.url, { socket: remote, ...options })
  if (response.ok) throw new Error('it was let in')
  return { error: response.error, closed: await client.close() }
}

/** A device of another place that somebody has approved, and what it got. */
async function pairedRemotely (gateway: TestGateway, admin: TestClient, options: ConnectOptions = {}): Promise<{ device: DeviceIdentity, client: TestClient, hello: Frame }> {
  const device = createDeviceIdentity()
  const asked = { scopes: ['operator.read'], ...options, device }
  const { error } = await refusedFrom(gateway, asked)
  const approved = await admin.request('device.pair.approve', { requestId: error.details.requestId })
  if (!approved.ok) throw new Error(JSON.stringify(approved.error))
  return { device, ...await admitted(gateway.url, { socket: remote, ...asked }) }
}

const events = (client: TestClient, name: string): Frame[] => client.frames.filter(frame => frame.event === name).map(({ payload }) => payload)

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
  const resolved = events(admin.client, 'device.pair.resolved').find(payload => payload.requestId === requestId)
  t.same(resolved, { requestId, deviceId: device.deviceId, decision: 'approved', ts: resolved!.ts })
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

t.test('rejecting', async t => {
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

t.test('renaming', async t => {
  const gateway = await startGateway(t)
  const device = createDeviceIdentity()
  const { client } = await admitted(gateway.url, { device })
  t.same((await client.request('device.pair.rename', { deviceId: device.deviceId, label: 'Desk' })).payload, { deviceId: device.deviceId, label: 'Desk' })
  t.match((await client.request('device.pair.list', {})).payload.paired, [{ operatorLabel: 'Desk' }])
  t.match((await client.request('device.pair.rename', { deviceId: 'nobody', label: 'x' })).error, { code: 'INVALID_REQUEST' })
  t.match((await client.request('device.pair.rename', { deviceId: device.deviceId, label: 'x'.repeat(65) })).error, { code: 'INVALID_REQUEST' })
  await closeClient(client)
})

t.test('a removed device is out within a second: its sockets, its token, its name', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const admin = await admitted(gateway.url)
  const { device, client, hello } = await pairedRemotely(gateway, admin.client, { scopes: ['operator.read', 'operator.pairing'] })
  const second = await admitted(gateway.url, { device, scopes: ['operator.read'], socket: remote, auth: { deviceToken: hello.auth.deviceToken } })
  const waiting = await refusedFrom(gateway, { device, scopes: ['operator.admin'] })
  const startedAt = Date.now()
  t.same((await admin.client.request('device.pair.remove', { deviceId: device.deviceId })).payload, { deviceId: device.deviceId })
  for (const each of [client, second.client]) t.equal((await each.close(1_000)).code, 4001)
  t.ok(Date.now() - startedAt < 1_000)
  const bearer = await fetch(`${gateway.http}/control-ui-config.json`, { headers: { authorization: `Bearer ${hello.auth.deviceToken}`, 'x-forwarded-for': home } })
  t.equal(bearer.status, 401)
  const byToken = await refusedFrom(gateway, { device, scopes: ['operator.read'], auth: { deviceToken: hello.auth.deviceToken } })
  t.equal(byToken.error.details.code, 'AUTH_DEVICE_TOKEN_MISMATCH')
  t.match((await admin.client.request('device.pair.approve', { requestId: waiting.error.details.requestId })).error, { message: 'unknown requestId' }, 'and what it had asked for is gone')
  t.match(await refusedFrom(gateway, { device, scopes: ['operator.read'] }), { error: { details: { reason: 'not-paired' } } })
  await closeClient(admin.client)
})

t.test('frames that a device sends behind its own end are not served', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url)
  for (const method of ['device.token.revoke', 'device.token.rotate', 'device.pair.remove']) {
    const device = createDeviceIdentity()
    const { client } = await admitted(gateway.url, { device })
    const params = { deviceId: device.deviceId, ...(method === 'device.pair.remove' ? {} : { role: 'operator' }) }
    // The first frame ends this very connection; the others were on their way already.
    client.send({ type: 'req', id: 'end', method, params })
    await client.frame(frame => frame.id === 'end')
    for (let i = 0; i < 20; i++) client.send({ type: 'req', id: `late-${i}`, method: 'system-event', params: { text: `late ${method}`, instanceId: `late-${method}` } })
    t.equal((await client.close(1_000)).code, 4001, method)
    t.same(client.frames.filter(frame => String(frame.id).startsWith('late')), [], `${method}: nothing was answered`)
  }
  const presence = (await admin.client.request('system-presence', {})).payload
  t.notMatch(JSON.stringify(presence), /late/, 'and nothing was done')
  await closeClient(admin.client)
})

t.test('rotating: another hand gets no token, the own hand gets it before its socket ends', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url)
  const device = createDeviceIdentity()
  const first = await admitted(gateway.url, { device })
  const rotated = (await admin.client.request('device.token.rotate', { deviceId: device.deviceId, role: 'operator' })).payload
  t.same(rotated, {
    deviceId: device.deviceId, role: 'operator', scopes: [...operatorScopes].sort(), rotatedAtMs: rotated.rotatedAtMs, tokenDelivery: 'withheld-cross-device'
  })
  t.equal((await first.client.close(1_000)).code, 4001)

  const second = await admitted(gateway.url, { device })
  t.not(second.hello.auth.deviceToken, first.hello.auth.deviceToken, 'it gets the new one with the shared secret')
  const own = await admitted(gateway.url, { device, auth: { deviceToken: second.hello.auth.deviceToken } })
  const inBand = (await own.client.request('device.token.rotate', { deviceId: device.deviceId, role: 'operator' })).payload
  t.match(inBand, { token: /^[\w-]{43}$/, tokenDelivery: 'in-band' })
  for (const each of [second.client, own.client]) t.equal((await each.close(1_000)).code, 4001)
  const third = await admitted(gateway.url, { device, auth: { deviceToken: inBand.token } })
  t.equal(third.hello.auth.deviceToken, inBand.token)
  const stale = await connect(gateway.url, { device, auth: { deviceToken: second.hello.auth.deviceToken } })
  t.equal(stale.response.error.details.code, 'AUTH_DEVICE_TOKEN_MISMATCH', 'once the new one was used the old one is over')
  for (const each of [third.client, stale.client, admin.client]) await closeClient(each)
})

t.test('revoking takes the role away; only somebody can give it back', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url)
  const device = createDeviceIdentity()
  const { client, hello } = await admitted(gateway.url, { device, scopes: ['operator.read'] })
  const revoked = (await admin.client.request('device.token.revoke', { deviceId: device.deviceId, role: 'operator' })).payload
  t.same(revoked, { deviceId: device.deviceId, role: 'operator', revokedAtMs: revoked.revokedAtMs })
  t.equal((await client.close(1_000)).code, 4001)
  const byToken = await connect(gateway.url, { device, scopes: ['operator.read'], auth: { deviceToken: hello.auth.deviceToken } })
  t.equal(byToken.response.error.details.code, 'AUTH_DEVICE_TOKEN_MISMATCH')
  const bySecret = await connect(gateway.url, { device, scopes: ['operator.read'] })
  t.match(bySecret.response.error.details, { code: 'PAIRING_REQUIRED', reason: 'role-upgrade' }, 'not even this machine approves itself again')
  t.match(await admin.client.request('device.pair.approve', { requestId: bySecret.response.error.details.requestId }), { ok: true })
  const back = await admitted(gateway.url, { device, scopes: ['operator.read'] })
  t.not(back.hello.auth.deviceToken, hello.auth.deviceToken)
  for (const each of [byToken.client, bySecret.client, back.client, admin.client]) await closeClient(each)
})

t.test('denials are flat: what exists is not told', async t => {
  const gateway = await startGateway(t)
  const device = createDeviceIdentity()
  const mine = await admitted(gateway.url, { device, scopes: ['operator.pairing'] })
  const foreign = createDeviceIdentity()
  const other = await admitted(gateway.url, { device: foreign })
  const own = await admitted(gateway.url, { device, scopes: ['operator.pairing'], auth: { deviceToken: mine.hello.auth.deviceToken } })
  for (const deviceId of [foreign.deviceId, 'f'.repeat(64), 'nonsense']) {
    t.match((await own.client.request('device.token.rotate', { deviceId, role: 'operator' })).error, { code: 'INVALID_REQUEST', message: 'device token rotation denied' })
    t.match((await own.client.request('device.token.revoke', { deviceId, role: 'operator' })).error, { code: 'INVALID_REQUEST', message: 'device token revocation denied' })
  }
  t.match((await own.client.request('device.token.rotate', { deviceId: device.deviceId, role: 'node' })).error, { message: 'device token rotation denied' })
  t.match((await own.client.request('device.token.rotate', { deviceId: device.deviceId, role: 'operator', scopes: ['operator.admin'] })).error, { message: 'device token rotation denied' })
  t.match(await other.client.request('status', {}), { ok: true }, 'nobody was harmed')
  for (const each of [mine, other, own]) await closeClient(each.client)
})

t.test('a setup code from its making to the tokens it stands for', async t => {
  const gateway = await startGateway(t, { config: behindProxy })
  const admin = await admitted(gateway.url)
  const made = (await admin.client.request('device.pair.setupCode', { bootstrapProfile: 'limited' })).payload
  t.equal(contractProblem('DevicePairSetupCodeResult', made), undefined)
  const content = JSON.parse(Buffer.from(made.setupCode, 'base64url').toString())
  t.match(content, { url: made.gatewayUrl, bootstrapToken: /^[\w-]{43}$/, expiresAtMs: made.expiresAtMs })
  t.same((await admin.client.request('device.pair.setupStatus', { setupId: made.setupId })).payload, {})

  const device = createDeviceIdentity()
  const phone: ConnectOptions = {
    device, role: 'node', scopes: [], client: { id: 'openclaw-ios', mode: 'node', platform: 'ios', deviceFamily: 'iPhone', displayName: 'Phone' }, socket: remote,
    auth: { bootstrapToken: content.bootstrapToken }, adjust: params => ({ ...params, caps: ['camera'], commands: ['system.notify'] })
  }
  const { client, hello } = await admitted(gateway.url, phone)
  t.match(hello.auth, { role: 'node', scopes: [], deviceToken: /^[\w-]{43}$/, deviceTokens: [{ role: 'node' }, { role: 'operator', scopes: Array }] })
  t.equal(contractProblem('HelloOk', hello), undefined)
  t.equal(hello.auth.deviceTokens[0].deviceToken, hello.auth.deviceToken)
  const completed = (await admin.client.event('device.pair.setup.completed')).payload
  t.equal(contractProblem('DevicePairSetupCompletedEvent', completed), undefined)
  t.match((await admin.client.request('device.pair.setupStatus', { setupId: made.setupId })).payload, { completion: { deviceId: device.deviceId, access: 'limited', deviceName: 'Phone' } })
  t.match((await admin.client.request('node.list', {})).payload.nodes, [{ nodeId: device.deviceId, approvalState: 'approved', commands: ['system.notify'], connected: true }], 'its first surface needs no second yes')

  const operatorToken = hello.auth.deviceTokens[1].deviceToken
  const operator = await admitted(gateway.url, { device, socket: remote, scopes: ['operator.read', 'operator.write'], client: { id: 'openclaw-ios', mode: 'ui', platform: 'ios', deviceFamily: 'iPhone' }, auth: { deviceToken: operatorToken } })
  t.match(await operator.client.request('status', {}), { ok: true })
  const greedy = await refusedFrom(gateway, { device, scopes: ['operator.admin'], client: { id: 'openclaw-ios', mode: 'ui', platform: 'ios' }, auth: { deviceToken: operatorToken } })
  t.equal(greedy.error.details.code, 'AUTH_SCOPE_MISMATCH', 'no more than the code was made for')
  const replayed = await refusedFrom(gateway, { ...phone, device: createDeviceIdentity() })
  t.match(replayed.error.details, { code: 'AUTH_BOOTSTRAP_TOKEN_INVALID' })
  for (const each of [client, operator.client, admin.client]) await closeClient(each)
})

t.test('a node is let in at once, and may do nothing until somebody has looked at what it offers', async t => {
  const gateway = await startGateway(t)
  const admin = await admitted(gateway.url)
  const device = createDeviceIdentity()
  const offering = (caps: string[], commands: string[]): ConnectOptions => ({
    device, role: 'node', scopes: [], client: { id: 'node-host', mode: 'node', displayName: 'Workbench', deviceFamily: 'Linux' }, adjust: params => ({ ...params, caps, commands, permissions: { camera: true } })
  })
  const row = async (): Promise<Frame> => (await admin.client.request('node.list', {})).payload.nodes.find((node: Frame) => node.nodeId === device.deviceId)
  const first = await admitted(gateway.url, offering(['system'], ['system.notify']))
  const asked = (await admin.client.event('node.pair.requested')).payload
  t.same(asked, {
    requestId: asked.requestId,
    nodeId: device.deviceId,
    clientId: 'node-host',
    clientMode: 'node',
    displayName: 'Workbench',
    platform: 'linux',
    version: '1.0.0',
    deviceFamily: 'Linux',
    caps: ['system'],
    commands: ['system.notify'],
    permissions: { camera: true },
    requiredApproveScopes: ['operator.pairing', 'operator.write'],
    silent: true,
    ts: asked.ts
  })
  t.match(await row(), {
    approvalState: 'pending-approval', pendingRequestId: asked.requestId, pendingDeclaredCaps: ['system'], pendingDeclaredCommands: ['system.notify'],
    caps: [], commands: [], connected: true, paired: true, connectedAtMs: Number, platform: 'linux', sessionHost: false, nodePluginTools: []
  })
  t.same((await admin.client.request('node.pair.list', {})).payload, { pending: [asked], paired: [] })

  const approved = (await admin.client.request('node.pair.approve', { requestId: asked.requestId })).payload
  t.match(approved, { requestId: asked.requestId, node: { nodeId: device.deviceId, caps: ['system'], commands: ['system.notify'], createdAtMs: Number, approvedAtMs: Number } })
  for (const { client } of [admin, first]) t.match((await client.event('node.pair.resolved')).payload, { requestId: asked.requestId, nodeId: device.deviceId, decision: 'approved' })
  t.match(await row(), { approvalState: 'approved', caps: ['system'], commands: ['system.notify'], permissions: { camera: true } }, 'in force without a reconnect')
  t.match((await admin.client.request('node.describe', { nodeId: device.deviceId })).payload, { approvalState: 'approved', ts: Number })
  await closeClient(first.client)
  await eventually(row, node => node.connected === false)

  const wider = await admitted(gateway.url, offering(['system', 'browser'], ['system.notify', 'system.run']))
  const again = (await admin.client.frame(frame => frame.event === 'node.pair.requested' && frame.payload.requestId !== asked.requestId)).payload
  t.same(again.requiredApproveScopes, ['operator.pairing', 'operator.admin'])
  t.match(await row(), { approvalState: 'pending-reapproval', pendingRequestId: again.requestId, caps: ['system'], commands: ['system.notify'] }, 'the approved part stays in force')
  t.match((await admin.client.request('node.pair.reject', { requestId: again.requestId })).payload, { requestId: again.requestId, nodeId: device.deviceId })
  t.match((await wider.client.event('node.pair.resolved')).payload, { decision: 'rejected' })
  await closeClient(wider.client)
  const narrower = await admitted(gateway.url, offering([], []))
  t.match(await row(), { approvalState: 'approved', caps: [], commands: [] }, 'what is not offered is not there')
  t.match((await admin.client.request('node.pair.remove', { nodeId: device.deviceId })).payload, { nodeId: device.deviceId })
  t.equal((await narrower.client.close(1_000)).code, 4001)
  t.equal(await row(), undefined)
  await closeClient(admin.client)
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
  at += 5 * 60_000 + 1
  gateway.gateway.rooms.devices.listPending()
  t.same((await waiting).payload, { status: 'expired', requestId })
  const again = (await client.request('device.scopes.requestUpgrade', { scopes: ['operator.admin'] })).payload
  client.send({ type: 'req', id: 'w', method: 'device.scopes.waitUpgrade', params: { requestId: again.requestId } })
  await sleep(20)
  await closeClient(client)
  await eventually(() => gateway.gateway.rooms.connections.counts().connected, connected => connected === 0)
  t.equal(gateway.gateway.rooms.devices.listPending().length, 1, 'the request itself stays until somebody decides')
})
