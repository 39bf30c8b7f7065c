import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts'
import type { Store } from '../../../src/store/store.ts'
import { admin, check, deviceRoom, newDevice, paired, tokenOf } from './device-room.ts'
import { ownDirectory } from '../../fixtures/own-directory.ts'

async function open (t: Test, stateDir: string): Promise<Store> {
  const store = await createSqliteStore({ stateDir, snapshotDelayMs: 0, snapshotIntervalMs: 0, idleMs: 50 })
  t.teardown(() => store.close())
  return store
}

t.test('what is on the disk opens no door: neither device tokens nor setup codes are in any file', async t => {
  const stateDir = ownDirectory(t)
  const store = await open(t, stateDir)
  const { devices } = await deviceRoom(t, { store, stateDir })
  const secrets: string[] = []
  for (let count = 0; count < 5; count++) {
    const device = await paired(devices)
    secrets.push(await tokenOf(devices, device))
    await devices.rotate({ deviceId: device.deviceId, role: 'operator' }, { caller: admin })
    secrets.push(await tokenOf(devices, device))
  }
  secrets.push((await devices.createSetupCode({ profile: 'owner', url: 'ws://host', caller: admin })).bootstrapToken)
  await devices.close()
  await store.close()
  const files = readdirSync(stateDir, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  t.ok(files.length >= 3)
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name)
    const text = readFileSync(path, 'latin1')
    for (const secret of secrets) t.notOk(text.includes(secret), name)
    t.equal(statSync(path).mode & 0o777, 0o600, name)
  }
})

t.test('fifty approvals at the same time are fifty devices after a restart, with who, when and from where', async t => {
  const stateDir = ownDirectory(t)
  const store = await open(t, stateDir)
  const { devices, clock } = await deviceRoom(t, { store, stateDir })
  const requests = await Promise.all(Array.from({ length: 50 }, (_, index) => devices.request(newDevice({ remoteAddress: `192.0.2.${index}` }))))
  await Promise.all(requests.map(({ requestId }) => devices.approve(requestId, { caller: admin })))
  for (const { deviceId, remoteIp } of requests) devices.touch(deviceId, 'connect', remoteIp)
  await devices.close()
  await store.close()
  const again = await deviceRoom(t, { store: await open(t, stateDir), stateDir })
  const listed = again.devices.listPaired(new Set())
  t.equal(new Set(listed.map(({ deviceId }) => deviceId)).size, 50)
  for (const device of listed) {
    t.match(device, { createdAtMs: clock.ms, approvedAtMs: clock.ms, approvedBy: 'the owner', lastSeenAtMs: clock.ms, lastSeenReason: 'connect' })
    t.match(device.lastIp, /^192\.0\.2\./)
  }
})

for (const [name, damage] of [
  ['emptied', (path: string) => truncateSync(path, 0)],
  ['overwritten', (path: string) => writeFileSync(path, 'noise'.repeat(3000))]
] as const) {
  t.test(`a pairing store that was ${name} while nothing ran brings every device back, and its tokens`, async t => {
    const stateDir = ownDirectory(t)
    const store = await open(t, stateDir)
    const before = await deviceRoom(t, { store, stateDir })
    const device = await paired(before.devices)
    const token = await tokenOf(before.devices, device)
    await store.close()
    damage(join(stateDir, 'state.sqlite'))
    const reopened = await open(t, stateDir)
    const { devices } = await deviceRoom(t, { store: reopened, stateDir })
    t.match(reopened.status().notices, [/set aside/])
    t.ok(devices.verifyToken(check(device, token)).ok)
    t.equal(await tokenOf(devices, device), token)
  })

  t.test(`a pairing store that is ${name} under a running gateway ends no connection and loses no device`, async t => {
    const stateDir = ownDirectory(t)
    const store = await open(t, stateDir)
    const { devices, invalidated } = await deviceRoom(t, { store, stateDir })
    const device = await paired(devices)
    const token = await tokenOf(devices, device)
    damage(join(stateDir, 'state.sqlite'))
    t.ok(devices.verifyToken(check(device, token)).ok)
    const other = await paired(devices)
    t.strictSame(invalidated, [])
    t.match(store.status().notices, [/set aside/])
    await devices.close()
    await store.close()
    const again = await deviceRoom(t, { store: await open(t, stateDir), stateDir })
    t.strictSame(new Set(again.devices.listPaired(new Set()).map(({ deviceId }) => deviceId)), new Set([device.deviceId, other.deviceId]))
  })
}

t.test('a record that is no device grants nothing, stays where it is, and the others are there', async t => {
  const stateDir = ownDirectory(t)
  const store = await open(t, stateDir)
  const first = await deviceRoom(t, { store, stateDir })
  const device = await paired(first.devices)
  const bad = [['no-key', { deviceId: 'no-key', role: 'operator' }], ['other', { deviceId: 'someone-else', publicKey: 'x' }], ['text', 'what']] as const
  for (const [key, value] of bad) await store.collection<unknown>('devices').put(key, value)
  await store.collection<unknown>('device-requests').put('odd', 7)
  const { devices, notices } = await deviceRoom(t, { store, stateDir })
  t.strictSame(devices.listPaired(new Set()).map(({ deviceId }) => deviceId), [device.deviceId])
  t.equal(notices.length, 4)
  await paired(devices)
  t.equal((await store.collection('devices').all()).length, 5)
})
