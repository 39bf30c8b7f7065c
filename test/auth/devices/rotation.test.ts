import t from 'tap'
import { contractProblem } from '../../contract.ts'
import { admin, callerWith, check, deviceRoom, localAdministrator, ownCaller, paired, tokenOf } from './device-room.ts'

t.test('rotating the own token hands it over in band, ends the sockets, and is in the shape of the contract', async t => {
  const { devices, invalidated, clock } = await deviceRoom(t)
  const device = await paired(devices, { scopes: ['operator.admin', 'operator.pairing'] })
  const { deviceId } = device
  const old = await tokenOf(devices, device)
  clock.ms += 5
  const result = await devices.rotate({ deviceId, role: 'operator' }, { caller: ownCaller(deviceId, device.scopes) })
  t.equal(contractProblem('DeviceTokenRotateResult', result), undefined)
  t.match(result, { deviceId, role: 'operator', rotatedAtMs: clock.ms, tokenDelivery: 'in-band', scopes: ['operator.admin', 'operator.pairing', 'operator.read', 'operator.write'] })
  t.strictSame(invalidated, [{ target: { deviceId, role: 'operator' }, reason: 'device token rotated' }])
  t.equal(devices.verifyBearer(old), undefined, 'the copy of a token ends with its rotation')
  t.equal(devices.verifyBearer(result.token!)?.deviceId, deviceId)
  t.equal(await tokenOf(devices, device), result.token)
})

t.test('rotating the token of another device never shows it', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices)
  const request = { deviceId: device.deviceId, role: 'operator' }
  for (const caller of [admin, localAdministrator, ownCaller('another', ['operator.admin'])]) {
    const result = await devices.rotate(request, { caller })
    t.equal(contractProblem('DeviceTokenRotateResult', result), undefined)
    t.strictSame(Object.keys(result), ['deviceId', 'role', 'scopes', 'rotatedAtMs', 'tokenDelivery'])
    t.equal(result.tokenDelivery, 'withheld-cross-device')
  }
})

t.test('the old token opens signed connects for a minute, unless the new one was used first', async t => {
  const { devices, clock } = await deviceRoom(t)
  const device = await paired(devices)
  const { deviceId } = device
  const first = await tokenOf(devices, device)
  await devices.rotate({ deviceId, role: 'operator' }, { caller: admin })
  clock.ms += 59_000
  t.ok(devices.verifyToken(check(device, first)).ok)
  t.ok(devices.verifyToken(check(device, first)).ok, 'using the old one ends nothing')
  const second = await tokenOf(devices, device)
  t.ok(devices.verifyToken(check(device, second)).ok)
  t.strictSame(devices.verifyToken(check(device, first)), { ok: false, reason: 'token-mismatch' })
  await devices.rotate({ deviceId, role: 'operator' }, { caller: admin })
  clock.ms += 60_000
  t.strictSame(devices.verifyToken(check(device, second)), { ok: false, reason: 'token-mismatch' })
})

t.test('rotating twice before the device came back locks nobody out', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices)
  const first = await tokenOf(devices, device)
  for (let count = 0; count < 2; count++) await devices.rotate({ deviceId: device.deviceId, role: 'operator' }, { caller: admin })
  t.ok(devices.verifyToken(check(device, first)).ok)
  const { previous } = devices.get(device.deviceId)!.tokens.operator!
  t.ok(previous!.length <= 3)
})

t.test('revoking and removing leave no grace', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices)
  const { deviceId } = device
  const first = await tokenOf(devices, device)
  await devices.rotate({ deviceId, role: 'operator' }, { caller: admin })
  await devices.revoke({ deviceId, role: 'operator' }, { caller: admin })
  t.strictSame(devices.verifyToken(check(device, first)), { ok: false, reason: 'token-revoked' })
  const other = await paired(devices)
  const token = await tokenOf(devices, other)
  await devices.rotate({ deviceId: other.deviceId, role: 'operator' }, { caller: admin })
  await devices.remove(other.deviceId, { caller: admin })
  t.strictSame(devices.verifyToken(check(other, token)), { ok: false, reason: 'device-not-paired' })
})

t.test('rotation mints no more than device and caller hold, and says the same to every refusal', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices, { scopes: ['operator.write'] })
  const strong = await paired(devices, { scopes: ['operator.admin'] })
  const node = await paired(devices, { role: 'node', scopes: [] })
  const own = ownCaller(device.deviceId, ['operator.write', 'operator.pairing'])
  const denied = { code: 'DEVICE_TOKEN_DENIED', message: 'device token rotation denied' }
  const attempts: Array<[string, Parameters<typeof devices.rotate>[0], typeof own]> = [
    ['more scopes than the device', { deviceId: device.deviceId, role: 'operator', scopes: ['operator.admin'] }, admin],
    ['more scopes than the caller', { deviceId: strong.deviceId, role: 'operator' }, callerWith(['operator.pairing', 'operator.write'])],
    ['a scope that does not exist', { deviceId: device.deviceId, role: 'operator', scopes: ['operator.bogus'] }, admin],
    ['another role', { deviceId: device.deviceId, role: 'node' }, admin],
    ['a role that does not exist', { deviceId: device.deviceId, role: 'root' }, admin],
    ['scopes for a node', { deviceId: node.deviceId, role: 'node', scopes: ['operator.read'] }, admin],
    ['a node without admin rights', { deviceId: node.deviceId, role: 'node' }, callerWith(['operator.pairing', 'operator.write'])],
    ['a foreign device', { deviceId: strong.deviceId, role: 'operator', scopes: [] }, own],
    ['the own node role', { deviceId: device.deviceId, role: 'node' }, own],
    ['an unknown device', { deviceId: 'nobody', role: 'operator' }, admin]
  ]
  for (const [what, request, caller] of attempts) await t.rejects(devices.rotate(request, { caller }), denied, what)
  t.strictSame((await devices.rotate({ deviceId: device.deviceId, role: 'operator', scopes: ['operator.read'] }, { caller: own })).scopes, ['operator.read'])
  t.strictSame((await devices.rotate({ deviceId: node.deviceId, role: 'node' }, { caller: admin })).scopes, [])
})

t.test('a rotated token with fewer scopes stays narrow until its device asks for what it was approved for', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices, { scopes: ['operator.write'] })
  const { deviceId } = device
  const own = ownCaller(deviceId, ['operator.write', 'operator.pairing'])
  const { token } = await devices.rotate({ deviceId, role: 'operator', scopes: ['operator.read'] }, { caller: own })
  t.strictSame(devices.verifyToken(check(device, token!)), { ok: false, reason: 'scope-mismatch' })
  t.strictSame(devices.verifyBearer(token!)?.scopes, ['operator.read'])
  const widened = await tokenOf(devices, device)
  t.strictSame(devices.verifyBearer(widened)?.scopes, ['operator.read', 'operator.write'])
})

t.test('revoking needs the same rights, ends the sockets, is told, and can be repeated', async t => {
  const { devices, invalidated, told, clock } = await deviceRoom(t)
  const device = await paired(devices)
  const node = await paired(devices, { role: 'node', scopes: [] })
  const { deviceId } = device
  const denied = { code: 'DEVICE_TOKEN_DENIED', message: 'device token revocation denied' }
  await t.rejects(devices.revoke({ deviceId, role: 'operator' }, { caller: ownCaller('another', ['operator.pairing']) }), denied)
  await t.rejects(devices.revoke({ deviceId: node.deviceId, role: 'node' }, { caller: callerWith(['operator.pairing']) }), denied)
  await t.rejects(devices.revoke({ deviceId, role: 'node' }, { caller: admin }), denied)
  await t.rejects(devices.revoke({ deviceId: 'nobody', role: 'operator' }, { caller: admin }), denied)
  await t.rejects(devices.revoke({ deviceId, role: 'root' }, { caller: admin }), denied)
  const result = await devices.revoke({ deviceId, role: 'operator' }, { caller: ownCaller(deviceId, ['operator.pairing']) })
  t.strictSame(result, { deviceId, role: 'operator', revokedAtMs: clock.ms })
  clock.ms += 9
  t.strictSame(await devices.revoke({ deviceId, role: 'operator' }, { caller: admin }), result)
  t.strictSame(invalidated, [{ target: { deviceId, role: 'operator' }, reason: 'device token revoked' }])
  t.match(told('device.pair.changed'), [{ deviceId, change: 'token-revoked' }])
  await t.rejects(devices.rotate({ deviceId, role: 'operator' }, { caller: admin }), { message: 'device token rotation denied' })
  t.match(devices.listPaired(new Set()).find(listed => listed.deviceId === deviceId)!.tokens, [{ revokedAtMs: result.revokedAtMs }])
})
