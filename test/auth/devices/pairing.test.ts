import t from 'tap'
import { createMemoryStore } from '../../../src/store/memory/memory-store.ts'
import { contractProblem } from '../../contract.ts'
import { admin, callerWith, deviceRoom, localAdministrator, newDevice, ownCaller, paired } from './device-room.ts'

t.test('an unknown device files one request, in the shape of the contract', async t => {
  const { devices, told } = await deviceRoom(t)
  const device = newDevice({ displayName: 'Kitchen', remoteAddress: '192.0.2.7' })
  t.strictSame(devices.assess(device), { state: 'needs-approval', reason: 'not-paired' })
  const request = await devices.request(device)
  t.equal(contractProblem('DevicePairRequestedEvent', request), undefined)
  t.strictSame(told('device.pair.requested'), [request])
  t.match(request, { role: 'operator', roles: ['operator'], scopes: ['operator.read'], remoteIp: '192.0.2.7', silent: false, isRepair: false })
  t.strictSame(devices.listPending(), [request])
})

t.test('asking again is the same request, announced once, and lives on', async t => {
  const { devices, clock, told } = await deviceRoom(t)
  const device = newDevice()
  const { requestId } = await devices.request(device)
  clock.ms += 4 * 60_000
  const again = await devices.request({ ...device, displayName: 'renamed', scopes: [] })
  t.equal(again.requestId, requestId)
  clock.ms += 4 * 60_000
  t.equal((await devices.request(device)).requestId, requestId)
  t.equal(devices.listPending().length, 1)
  t.equal(told('device.pair.requested').length, 1)
})

t.test('many connects of one device at the same time are one request', async t => {
  const { devices, told } = await deviceRoom(t)
  const device = newDevice()
  const requests = await Promise.all(Array.from({ length: 30 }, () => devices.request(device)))
  t.equal(new Set(requests.map(({ requestId }) => requestId)).size, 1)
  t.equal(told('device.pair.requested').length, 1)
})

t.test('asking for more replaces the request by one that says everything, under another id', async t => {
  const { devices, told } = await deviceRoom(t)
  const device = newDevice()
  const first = await devices.request(device)
  const second = await devices.request({ ...device, scopes: ['operator.write'] })
  const third = await devices.request({ ...device, role: 'node', scopes: ['operator.admin'] })
  t.equal(new Set([first, second, third].map(({ requestId }) => requestId)).size, 3)
  t.match(third, { role: 'node', roles: ['operator', 'node'] })
  t.strictSame(third.scopes, ['operator.read', 'operator.write'], 'a node has no operator scopes to ask for')
  t.strictSame(told('device.pair.resolved').map(({ requestId, decision }) => [requestId, decision]), [
    [first.requestId, 'rejected'], [second.requestId, 'rejected']
  ])
  for (const payload of told('device.pair.resolved')) t.equal(contractProblem('DevicePairResolvedEvent', payload), undefined)
  await t.rejects(devices.approve(first.requestId, { caller: admin }), { message: 'unknown requestId' })
  t.equal(devices.listPending().length, 1)
})

t.test('another machine behind the same request is another request', async t => {
  const { devices } = await deviceRoom(t)
  const device = newDevice({ platform: 'macOS 15.1' })
  const first = await devices.request(device)
  t.equal((await devices.request({ ...device, platform: 'macos 15.2' })).requestId, first.requestId)
  t.not((await devices.request({ ...device, platform: 'windows' })).requestId, first.requestId)
})

t.test('a request is gone after five minutes, and that is told', async t => {
  const { devices, clock, told } = await deviceRoom(t)
  const { requestId } = await devices.request(newDevice())
  clock.ms += 5 * 60_000
  t.strictSame(devices.listPending(), [])
  t.match(told('device.pair.resolved'), [{ requestId, decision: 'expired' }])
  await t.rejects(devices.approve(requestId, { caller: admin }), { code: 'PAIRING_REQUEST_UNKNOWN' })
})

t.test('requests survive a restart, expired ones do not', async t => {
  const store = createMemoryStore()
  const before = await deviceRoom(t, { store })
  const old = await before.devices.request(newDevice())
  before.clock.ms += 4 * 60_000
  const young = await before.devices.request(newDevice())
  const after = await deviceRoom(t, { store })
  after.clock.ms = before.clock.ms + 2 * 60_000
  t.strictSame(after.devices.listPending().map(({ requestId }) => requestId), [young.requestId])
  await after.devices.reject(young.requestId, { caller: admin })
  t.strictSame(await store.collection('device-requests').all(), [], `${old.requestId} left the disk with the next change`)
})

t.test('a flood from one address is cut off, other addresses still get in', async t => {
  const { devices } = await deviceRoom(t, { settings: { maxPending: 10, maxPendingPerAddress: 3 } })
  const flood = await Promise.allSettled(Array.from({ length: 200 }, () => devices.request(newDevice({ remoteAddress: '192.0.2.1' }))))
  t.equal(flood.filter(({ status }) => status === 'fulfilled').length, 3)
  t.match(flood.find(outcome => outcome.status === 'rejected')!.reason, { code: 'PAIRING_QUEUE_FULL', row: { retryable: true } })
  await devices.request(newDevice({ remoteAddress: '192.0.2.2' }))
  t.equal(devices.listPending().length, 4)
})

t.test('programs on this machine may have many requests waiting, but leave places for others', async t => {
  const { devices } = await deviceRoom(t, { settings: { maxPending: 100, maxPendingPerAddress: 20 } })
  const local = await Promise.allSettled(Array.from({ length: 100 }, () => devices.request(newDevice({ remoteAddress: '127.0.0.1' }))))
  t.equal(local.filter(({ status }) => status === 'fulfilled').length, 75)
  await devices.request(newDevice({ remoteAddress: '192.0.2.1' }))
})

t.test('one IPv6 network counts as one address', async t => {
  const { devices } = await deviceRoom(t, { settings: { maxPending: 100, maxPendingPerAddress: 2 } })
  await devices.request(newDevice({ remoteAddress: '2001:db8:1:2::1' }))
  await devices.request(newDevice({ remoteAddress: '2001:db8:1:2:ffff::2' }))
  await t.rejects(devices.request(newDevice({ remoteAddress: '2001:db8:1:2:abcd::3' })), { code: 'PAIRING_QUEUE_FULL' })
  await devices.request(newDevice({ remoteAddress: '2001:db8:1:3::1' }))
})

t.test('a flood from everywhere pushes nobody out: waiting requests stay, paired devices can still ask', async t => {
  const { devices } = await deviceRoom(t, { settings: { maxPending: 10, maxPendingPerAddress: 20 } })
  const known = await paired(devices)
  const early = await devices.request(newDevice({ remoteAddress: '198.51.100.1' }))
  const flood = Array.from({ length: 500 }, (_, index) => newDevice({ remoteAddress: `10.${index >> 8}.${index & 255}.1` }))
  const outcomes = await Promise.allSettled(flood.map(device => devices.request(device)))
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 9)
  const upgrade = await devices.request({ ...known, scopes: ['operator.admin'] })
  const waiting = devices.listPending().map(({ requestId }) => requestId)
  t.ok(waiting.includes(early.requestId))
  t.ok(waiting.includes(upgrade.requestId))
  t.strictSame(devices.assess(known), { state: 'ok', platform: 'linux', deviceFamily: undefined })
  t.equal(devices.stats().pending, 11)
})

t.test('a silent request is announced only once it turns out that somebody must decide', async t => {
  const { devices, told } = await deviceRoom(t)
  const device = newDevice({ silent: true })
  const first = await devices.request(device)
  t.strictSame(told('device.pair.requested'), [])
  const second = await devices.request({ ...device, silent: false })
  t.equal(second.requestId, first.requestId)
  t.strictSame(told('device.pair.requested'), [second])
})

t.test('names of any length are cut before they are kept', async t => {
  const { devices } = await deviceRoom(t)
  const { displayName } = await devices.request(newDevice({ displayName: 'x'.repeat(100_000) }))
  t.ok(displayName!.length <= 256)
})

t.test('rejecting removes the request and tells it, but not for a foreign device token', async t => {
  const { devices, told } = await deviceRoom(t)
  const { requestId, deviceId } = await devices.request(newDevice())
  const other = await paired(devices)
  await t.rejects(devices.reject(requestId, { caller: ownCaller(other.deviceId, ['operator.pairing']) }), { message: 'device pairing rejection denied' })
  t.strictSame(await devices.reject(requestId, { caller: callerWith(['operator.pairing']) }), { requestId, deviceId })
  t.match(told('device.pair.resolved').at(-1), { requestId, deviceId, decision: 'rejected' })
  await t.rejects(devices.reject(requestId, { caller: admin }), { message: 'unknown requestId' })
})

t.test('renaming keeps a label that an approval does not lose', async t => {
  const { devices, told } = await deviceRoom(t)
  const device = await paired(devices)
  t.strictSame(await devices.rename(device.deviceId, ' Workbench ', { caller: admin }), { deviceId: device.deviceId, label: 'Workbench' })
  t.match(told('device.pair.changed'), [{ deviceId: device.deviceId }])
  const { requestId } = await devices.request({ ...device, scopes: ['operator.write'] })
  const { device: summary } = await devices.approve(requestId, { caller: localAdministrator })
  t.equal(summary.operatorLabel, 'Workbench')
  await t.rejects(devices.rename('nobody', 'x', { caller: admin }), { code: 'DEVICE_UNKNOWN' })
  await t.rejects(devices.rename(device.deviceId, 'x', { caller: ownCaller('another', ['operator.pairing']) }), { message: 'device rename denied' })
})

t.test('removing takes everything of the device and ends its sockets', async t => {
  const { devices, store, invalidated, told } = await deviceRoom(t)
  const device = await paired(devices, { role: 'node', scopes: [], clientId: 'node-host', clientMode: 'node' })
  await devices.declareSurface({ nodeId: device.deviceId, caps: [], commands: ['system.notify'] })
  await devices.request({ ...device, role: 'operator', scopes: ['operator.read'] })
  await t.rejects(devices.remove(device.deviceId, { caller: ownCaller('another', ['operator.pairing']) }), { message: 'device pairing removal denied' })
  t.strictSame(await devices.remove(device.deviceId, { caller: admin }), { deviceId: device.deviceId })
  t.strictSame(invalidated, [{ target: { deviceId: device.deviceId }, reason: 'device removed' }])
  t.match(told('node.pair.resolved').at(-1), { nodeId: device.deviceId, requestId: '', decision: 'removed' })
  for (const name of ['devices', 'device-requests', 'node-surfaces'] as const) t.strictSame(await store.collection(name).all(), [])
  t.match(devices.assess(device), { reason: 'not-paired' })
  await t.rejects(devices.remove(device.deviceId, { caller: admin }), { code: 'DEVICE_UNKNOWN' })
})

t.test('lists are newest first, say who is connected, and hold nothing that opens a door', async t => {
  const { devices, clock } = await deviceRoom(t)
  const first = await paired(devices, { displayName: 'first' })
  clock.ms += 1000
  const second = await paired(devices, { displayName: 'second' })
  devices.touch(first.deviceId, 'connect', '192.0.2.9')
  const { paired: listed, pending } = devices.list(admin, new Set([second.deviceId]))
  t.strictSame(pending, [])
  t.strictSame(listed.map(({ displayName, connected }) => [displayName, connected]), [['second', true], ['first', false]])
  t.match(listed[1], { lastSeenAtMs: clock.ms, lastSeenReason: 'connect', lastIp: '192.0.2.9', approvedBy: 'local', createdAtMs: clock.ms - 1000 })
  t.strictSame(Object.keys(listed[0]!.tokens[0]!), ['role', 'scopes', 'createdAtMs'])
  const text = JSON.stringify(listed)
  t.notMatch(text, /[Hh]ash/)
})

t.test('a device token without admin rights sees its own device only', async t => {
  const { devices } = await deviceRoom(t)
  const mine = await paired(devices)
  await paired(devices)
  await devices.request(newDevice())
  const upgrade = await devices.request({ ...mine, scopes: ['operator.write'] })
  const seen = devices.list(ownCaller(mine.deviceId, ['operator.pairing']), new Set())
  t.strictSame(seen.paired.map(({ deviceId }) => deviceId), [mine.deviceId])
  t.strictSame(seen.pending, [upgrade])
  t.equal(devices.list(ownCaller(mine.deviceId, ['operator.admin']), new Set()).paired.length, 2)
})
