import t from 'tap'
import { fullOperatorScopes, type Scope } from '../../../src/protocol/scopes.ts'
import { createMemoryStore } from '../../../src/store/memory/memory-store.ts'
import { admin, callerWith, check, deviceRoom, localAdministrator, newDevice, ownCaller, paired, tokenOf } from './device-room.ts'

t.test('an approved device is paired with exactly what was asked, and everybody hears it after it is so', async t => {
  const { devices, told } = await deviceRoom(t)
  const device = newDevice({ displayName: 'Kitchen', scopes: ['operator.write', 'operator.admin'] })
  const { requestId } = await devices.request(device)
  const result = await devices.approve(requestId, { caller: admin, via: 'owner' })
  t.strictSame(result, {
    requestId,
    device: {
      approvedVia: 'owner',
      deviceId: device.deviceId,
      publicKey: device.publicKey,
      displayName: 'Kitchen',
      platform: 'linux',
      clientId: 'cli',
      clientMode: 'cli',
      role: 'operator',
      roles: ['operator'],
      scopes: ['operator.write', 'operator.admin'],
      approvedBy: 'the owner',
      createdAtMs: 1_800_000_000_000,
      approvedAtMs: 1_800_000_000_000,
      tokens: [{ role: 'operator', scopes: ['operator.admin', 'operator.read', 'operator.write'], createdAtMs: 1_800_000_000_000 }]
    }
  })
  t.strictSame(told('device.pair.resolved'), [{ requestId, deviceId: device.deviceId, decision: 'approved', ts: 1_800_000_000_000 }])
  t.equal(devices.assess(device).state, 'ok')
  t.strictSame(devices.listPending(), [])
})

t.test('a request is decided once, also when two decide at the same time', async t => {
  const { devices, told } = await deviceRoom(t)
  const { requestId } = await devices.request(newDevice())
  const outcomes = await Promise.allSettled([
    devices.approve(requestId, { caller: admin }), devices.reject(requestId, { caller: admin }), devices.approve(requestId, { caller: admin })
  ])
  t.strictSame(outcomes.map(({ status }) => status), ['fulfilled', 'rejected', 'rejected'])
  t.equal(told('device.pair.resolved').length, 1)
})

t.test('nobody approves more than he holds himself', async t => {
  const { devices } = await deviceRoom(t)
  for (const wanted of fullOperatorScopes) {
    const { requestId } = await devices.request(newDevice({ scopes: [wanted] }))
    const scopes: Scope[] = ['operator.pairing', ...fullOperatorScopes.filter(scope => scope !== wanted && scope !== 'operator.admin')]
    const held = scopes.filter(scope => !(wanted === 'operator.read' && scope === 'operator.write') && scope !== wanted)
    await t.rejects(devices.approve(requestId, { caller: callerWith(held) }), { code: 'DEVICE_PAIRING_DENIED', message: `missing scope: ${wanted}` }, wanted)
    t.equal(devices.listPending().length, 1)
    await devices.approve(requestId, { caller: admin })
  }
})

t.test('what the device has already counts too: an upgrade by a lesser operator is refused', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices, { scopes: ['operator.admin'] })
  await devices.revoke({ deviceId: device.deviceId, role: 'operator' }, { caller: admin })
  const other = await paired(devices, { scopes: ['operator.approvals'] })
  const { requestId } = await devices.request({ ...other, scopes: ['operator.read'] })
  await t.rejects(devices.approve(requestId, { caller: callerWith(['operator.pairing', 'operator.read']) }), { message: 'missing scope: operator.approvals' })
})

t.test('a node is approved by an administrator only', async t => {
  const { devices } = await deviceRoom(t)
  const { requestId } = await devices.request(newDevice({ role: 'node', scopes: [] }))
  const lesser = fullOperatorScopes.filter(scope => scope !== 'operator.admin')
  await t.rejects(devices.approve(requestId, { caller: callerWith(lesser) }), { message: 'missing scope: operator.admin' })
  const { device } = await devices.approve(requestId, { caller: admin })
  t.match(device, { roles: ['node'], scopes: [], tokens: [{ role: 'node', scopes: [] }] })
})

t.test('a device token approves nothing for another device, and cannot widen its own', async t => {
  const { devices } = await deviceRoom(t)
  const mine = await paired(devices, { scopes: ['operator.pairing', 'operator.read'] })
  const caller = ownCaller(mine.deviceId, ['operator.pairing', 'operator.read'])
  const foreign = await devices.request(newDevice())
  await t.rejects(devices.approve(foreign.requestId, { caller }), { message: 'device pairing approval denied' })
  const own = await devices.request({ ...mine, scopes: ['operator.admin'] })
  await t.rejects(devices.approve(own.requestId, { caller }), { message: 'missing scope: operator.admin' })
  const asNode = await devices.request({ ...mine, role: 'node', scopes: [] })
  await t.rejects(devices.approve(asNode.requestId, { caller }), { message: 'missing scope: operator.admin' })
  await devices.approve(foreign.requestId, { caller: ownCaller(mine.deviceId, ['operator.admin']) })
})

t.test('the local administrator can always approve', async t => {
  const { devices } = await deviceRoom(t)
  const { requestId } = await devices.request(newDevice({ scopes: ['operator.admin'] }))
  const { device } = await devices.approve(requestId, { caller: localAdministrator })
  t.equal(device.approvedVia, 'owner')
})

t.test('until an upgrade is approved the old authority is untouched, and after a rejection still', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices)
  const token = await tokenOf(devices, device)
  const wider = { ...device, scopes: ['operator.read', 'operator.write'] as Scope[] }
  t.strictSame(devices.assess(wider), {
    state: 'needs-approval', reason: 'scope-upgrade', approvedRoles: ['operator'], approvedScopes: ['operator.read']
  })
  const { requestId, isRepair } = await devices.request(wider)
  t.equal(isRepair, true)
  t.ok(devices.verifyToken(check(device, token)).ok)
  await devices.reject(requestId, { caller: admin })
  t.ok(devices.verifyToken(check(device, token)).ok)
  t.equal(devices.assess(device).state, 'ok')
  t.match(devices.assess(wider), { reason: 'scope-upgrade' })
})

t.test('an upgrade adds to what the device has', async t => {
  const { devices, clock } = await deviceRoom(t)
  const device = await paired(devices)
  clock.ms += 500
  t.match(devices.assess({ ...device, role: 'node', scopes: [] }), { reason: 'role-upgrade', approvedRoles: ['operator'] })
  const { requestId } = await devices.request({ ...device, role: 'node', scopes: [], clientId: 'node-host', clientMode: 'node', displayName: 'A node' })
  const { device: summary } = await devices.approve(requestId, { caller: admin })
  t.match(summary, {
    displayName: 'A node',
    clientId: 'node-host',
    role: 'node',
    roles: ['operator', 'node'],
    scopes: ['operator.read'],
    createdAtMs: clock.ms - 500,
    approvedAtMs: clock.ms,
    tokens: [{ role: 'node', scopes: [], createdAtMs: clock.ms }, { role: 'operator', scopes: ['operator.read'], createdAtMs: clock.ms - 500 }]
  })
  t.equal(devices.assess(device).state, 'ok')
})

t.test('a device that waits for its upgrade with only its token gets the new one with the old one', async t => {
  const { devices, clock } = await deviceRoom(t)
  const device = await paired(devices)
  const old = await tokenOf(devices, device)
  const wider = { ...device, scopes: ['operator.read', 'operator.write'] as Scope[] }
  t.strictSame(devices.verifyToken(check(wider, old)), { ok: false, reason: 'scope-mismatch' })
  const { requestId } = await devices.request(wider)
  await devices.approve(requestId, { caller: admin })
  clock.ms += 6 * 60 * 60_000
  t.match(devices.verifyToken(check(wider, old)), { ok: true, grantedScopes: ['operator.read', 'operator.write'] })
  t.equal(devices.verifyBearer(old), undefined, 'a copy of it does not grow with the device')
  const fresh = await tokenOf(devices, wider)
  t.not(fresh, old)
  t.ok(devices.verifyToken(check(wider, fresh)).ok)
  t.strictSame(devices.verifyToken(check(wider, old)), { ok: false, reason: 'token-mismatch' }, 'over as soon as the new one was used')
})

t.test('a new key under a known id starts over: nothing of the old authority is left', async t => {
  const { devices, invalidated } = await deviceRoom(t)
  const device = await paired(devices, { scopes: ['operator.admin'] })
  const old = await tokenOf(devices, device)
  const { publicKey } = newDevice()
  const repair = { ...device, publicKey, scopes: [] as Scope[] }
  t.strictSame(devices.assess(repair), { state: 'needs-approval', reason: 'not-paired' })
  const { requestId, isRepair } = await devices.request(repair)
  t.equal(isRepair, true)
  t.ok(devices.verifyToken(check(device, old)).ok, 'the old key works until the new one is approved')
  const { device: summary } = await devices.approve(requestId, { caller: callerWith(['operator.pairing']) })
  t.match(summary, { publicKey, roles: ['operator'], scopes: [], tokens: [{ scopes: [] }] })
  t.strictSame(devices.verifyToken(check(device, old)), { ok: false, reason: 'device-not-paired' })
  t.strictSame(devices.verifyToken(check(repair, old)), { ok: false, reason: 'token-mismatch' })
  t.equal(devices.verifyBearer(old), undefined)
  t.match(invalidated, [{ target: { deviceId: device.deviceId } }])
})

t.test('a revoked role comes back by an administrator only, with a new token and exactly the scopes asked for', async t => {
  const { devices } = await deviceRoom(t)
  for (const role of ['operator', 'node'] as const) {
    const device = await paired(devices, { role, scopes: role === 'operator' ? ['operator.admin', 'operator.read'] : [] })
    const old = await tokenOf(devices, device)
    await devices.revoke({ deviceId: device.deviceId, role }, { caller: admin })
    const modest = { ...device, scopes: [] as Scope[] }
    t.match(devices.assess(modest), { reason: 'role-upgrade', revoked: true, approvedRoles: [], approvedScopes: [] })
    const { requestId } = await devices.request(modest)
    await t.rejects(devices.approve(requestId, { caller: callerWith(['operator.pairing', 'operator.write']) }), { message: 'missing scope: operator.admin' })
    await t.rejects(devices.approve(requestId, { caller: localAdministrator, via: 'silent' }), { message: 'device pairing approval denied' })
    await t.rejects(devices.admit(modest, { caller: localAdministrator, via: 'trusted-cidr' }), { message: 'device pairing approval denied' })
    const { device: summary } = await devices.approve(requestId, { caller: admin })
    t.match(summary, { roles: [role], scopes: [], tokens: [{ role, scopes: [] }] })
    t.not(await tokenOf(devices, modest), old)
    t.strictSame(devices.verifyToken(check(modest, old)), { ok: false, reason: 'token-mismatch' })
  }
})

t.test('a record from before there were tokens loses its role when it is revoked', async t => {
  const store = createMemoryStore()
  const device = newDevice({ scopes: ['operator.admin'] })
  const { deviceId, publicKey } = device
  await store.collection('devices').put(deviceId, { deviceId, publicKey, role: 'operator', scopes: ['operator.admin', 'operator.bogus'], approvedAtMs: 5 })
  const { devices } = await deviceRoom(t, { store })
  t.equal(devices.assess(device).state, 'ok')
  t.strictSame(devices.verifyToken(check(device, 'anything')), { ok: false, reason: 'token-missing' })
  t.match(await devices.revoke({ deviceId, role: 'operator' }, { caller: admin }), { deviceId, role: 'operator' })
  t.match(devices.assess(device), { reason: 'role-upgrade', approvedRoles: [], approvedScopes: [] })
  t.strictSame(devices.verifyToken(check(device, 'anything')), { ok: false, reason: 'token-revoked' })
  t.strictSame(devices.verifyToken(check(device, '')), { ok: false, reason: 'token-revoked' })
  await t.rejects(devices.issueToken({ deviceId, role: 'operator', scopes: [] }), { code: 'PAIRING_REQUIRED' })
  t.equal(devices.stillAuthorized({ deviceId, publicKey, role: 'operator' }), false)
})

t.test('an automatic approval does not hide that a person approved the device', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices)
  const { device: summary } = await devices.admit({ ...device, scopes: ['operator.write'] }, { caller: localAdministrator, via: 'silent' })
  t.match(summary, { approvedVia: 'owner', approvedBy: 'local' })
  const silent = newDevice()
  await devices.admit(silent, { caller: localAdministrator, via: 'silent' })
  t.equal(devices.get(silent.deviceId)?.approvedVia, 'silent')
})

t.test('admitting pairs at once and is announced as resolved; a request that waits for the same is answered by it', async t => {
  const { devices, told } = await deviceRoom(t)
  const device = newDevice()
  const { requestId } = await devices.request(device)
  const admitted = await devices.admit(device, { caller: localAdministrator, via: 'silent' })
  t.equal(admitted.requestId, requestId)
  t.strictSame(devices.listPending(), [])
  const other = newDevice()
  await devices.admit(other, { caller: localAdministrator, via: 'silent' })
  t.match(told('device.pair.resolved').map(({ deviceId, decision }) => [deviceId, decision]), [[device.deviceId, 'approved'], [other.deviceId, 'approved']])
  t.equal(told('device.pair.requested').length, 1)
})

t.test('admitting less than what waits leaves the wait alone', async t => {
  const { devices } = await deviceRoom(t)
  const device = newDevice({ scopes: ['operator.admin'] })
  const { requestId } = await devices.request(device)
  await devices.admit({ ...device, scopes: ['operator.read'] }, { caller: localAdministrator, via: 'silent' })
  t.strictSame(devices.listPending().map(pending => pending.requestId), [requestId])
})

t.test('fifty approvals at the same time are fifty devices', async t => {
  const store = createMemoryStore()
  const { devices } = await deviceRoom(t, { store })
  const requests = await Promise.all(Array.from({ length: 50 }, () => devices.request(newDevice())))
  t.equal(devices.listPending().length, 50)
  await Promise.all(requests.map(({ requestId }) => devices.approve(requestId, { caller: admin })))
  t.equal(devices.listPaired(new Set()).length, 50)
  t.equal((await store.collection('devices').all()).length, 50)
})

t.test('changes of one device at the same time are all kept', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices)
  const { deviceId } = device
  const { requestId } = await devices.request({ ...device, scopes: ['operator.write'] })
  await Promise.all([
    devices.rename(deviceId, 'named', { caller: admin }),
    devices.approve(requestId, { caller: admin }),
    devices.admit({ ...device, role: 'node', scopes: [] }, { caller: localAdministrator, via: 'owner' }),
    devices.rotate({ deviceId, role: 'operator' }, { caller: admin })
  ])
  t.match(devices.get(deviceId), { operatorLabel: 'named', roles: ['operator', 'node'], scopes: ['operator.read', 'operator.write'] })
})

t.test('when all places are taken, an idle device that approved itself gives way, and a chosen one never does', async t => {
  const store = createMemoryStore()
  const chosen = Array.from({ length: 9_950 }, (_, index) => ({ deviceId: `chosen-${index}`, approvedVia: 'owner' }))
  const silent = Array.from({ length: 50 }, (_, index) => ({ deviceId: `silent-${index}`, approvedVia: 'silent' }))
  await store.commit([...chosen, ...silent].map(device => ({
    op: 'put', collection: 'devices', key: device.deviceId, value: { ...device, publicKey: 'key', roles: ['operator'], scopes: [], approvedAtMs: 1 }
  })))
  const { devices } = await deviceRoom(t, { store, isConnected: deviceId => deviceId === 'silent-0' })
  devices.touch('silent-1', 'connect')
  t.equal(devices.stats().paired, 10_000)
  await paired(devices)
  t.ok(devices.get('silent-0'), 'it is connected')
  t.ok(devices.get('silent-1'), 'it was just here')
  t.equal(devices.get('silent-2'), undefined)
  for (const { deviceId } of chosen) if (!devices.get(deviceId)) t.fail(deviceId)
})

t.test('when only chosen devices are left, another one is refused and told why', async t => {
  const store = createMemoryStore()
  await store.commit(Array.from({ length: 10_000 }, (_, index) => ({
    op: 'put' as const, collection: 'devices' as const, key: `d${index}`, value: { deviceId: `d${index}`, publicKey: 'key', roles: ['operator'], scopes: [], approvedVia: 'owner' }
  })))
  const { devices } = await deviceRoom(t, { store })
  const { requestId } = await devices.request(newDevice())
  await t.rejects(devices.approve(requestId, { caller: admin }), { code: 'DEVICES_FULL' })
  t.equal(devices.listPending().length, 1)
})
