import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { GatewayError } from '../../../src/protocol/errors.ts'
import type { Scope } from '../../../src/protocol/scopes.ts'
import { createMemoryStore } from '../../../src/store/memory/memory-store.ts'
import type { Store } from '../../../src/store/store.ts'
import { admin, check, deviceRoom, localAdministrator, newDevice, paired, tokenOf } from './device-room.ts'
import { ownDirectory } from '../../fixtures/own-directory.ts'

const shared = (generation: string) => ({ kind: 'shared-gateway-auth' as const, generation })

t.test('a device gets the same token on every connect, also after a restart, and it is kept nowhere', async t => {
  const store = createMemoryStore()
  const stateDir = ownDirectory(t)
  const before = await deviceRoom(t, { store, stateDir })
  const device = await paired(before.devices)
  const token = await tokenOf(before.devices, device)
  t.match(token, /^[\w-]{43}$/)
  t.equal(await tokenOf(before.devices, device), token)
  const after = await deviceRoom(t, { store, stateDir })
  t.equal(await tokenOf(after.devices, device), token)
  t.match(after.devices.verifyToken(check(device, token)), { ok: true, grantedScopes: ['operator.read'], surplus: [] })
  t.notMatch(JSON.stringify(await store.collection('devices').all()), token)
  t.strictSame(readdirSync(join(stateDir, 'keys')), ['device-tokens.key'])
  const key = join(stateDir, 'keys', 'device-tokens.key')
  t.equal(statSync(key).mode & 0o777, 0o600)
  t.equal(statSync(join(stateDir, 'keys')).mode & 0o777, 0o700)
  t.notMatch(readFileSync(key, 'utf8'), token)
})

t.test('before a token is needed there is no key file', async t => {
  const stateDir = ownDirectory(t)
  const { devices } = await deviceRoom(t, { stateDir })
  await devices.request(newDevice())
  t.strictSame(readdirSync(stateDir), [])
})

t.test('many devices that need the key at once share one', async t => {
  const stateDir = ownDirectory(t)
  const { devices } = await deviceRoom(t, { stateDir })
  const all = await Promise.all(Array.from({ length: 20 }, () => paired(devices)))
  const again = await deviceRoom(t, { stateDir, store: createMemoryStore() })
  t.strictSame(again.notices, [])
  for (const device of all) t.ok(devices.verifyToken(check(device, await tokenOf(devices, device))).ok)
})

t.test('each device and each role has a token of its own', async t => {
  const { devices } = await deviceRoom(t)
  const one = await paired(devices)
  const two = await paired(devices)
  await devices.admit({ ...one, role: 'node', scopes: [] }, { caller: localAdministrator, via: 'owner' })
  const asNode = { ...one, role: 'node' as const, scopes: [] as Scope[] }
  const tokens = [await tokenOf(devices, one), await tokenOf(devices, two), await tokenOf(devices, asNode)]
  t.equal(new Set(tokens).size, 3)
  t.strictSame(devices.verifyToken(check(one, tokens[1]!)), { ok: false, reason: 'token-mismatch' })
  t.strictSame(devices.verifyToken(check(asNode, tokens[0]!)), { ok: false, reason: 'token-mismatch' })
  t.strictSame(devices.verifyToken(check(two, tokens[2]!, { role: 'node' })), { ok: false, reason: 'role-missing' })
  t.match(devices.verifyToken(check(asNode, tokens[2]!, { scopes: ['operator.admin'] })), { ok: true, grantedScopes: [] })
})

for (const damage of ['gone', 'damaged'] as const) {
  t.test(`when the key file is ${damage} nobody is locked out: old tokens work until their device has a new one`, async t => {
    const store = createMemoryStore()
    const stateDir = ownDirectory(t)
    const before = await deviceRoom(t, { store, stateDir })
    const device = await paired(before.devices)
    const old = await tokenOf(before.devices, device)
    const key = join(stateDir, 'keys', 'device-tokens.key')
    if (damage === 'gone') rmSync(key)
    else writeFileSync(key, 'short')
    const { devices, notices } = await deviceRoom(t, { store, stateDir })
    t.match(notices, [damage === 'gone' ? /is not there/ : /damaged; it was set aside as .*unreadable/])
    t.ok(devices.verifyToken(check(device, old)).ok)
    const fresh = await tokenOf(devices, device)
    t.not(fresh, old)
    t.equal(await tokenOf(devices, device), fresh)
    if (damage === 'damaged') t.ok(readdirSync(join(stateDir, 'keys')).some(name => name.includes('unreadable')))
  })
}

t.test('why a token is refused has one reason each', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices)
  const token = await tokenOf(devices, device)
  const stranger = newDevice()
  const reason = (more: object) => (devices.verifyToken({ ...check(device, token), ...more }) as { reason?: string }).reason
  t.equal(reason({ deviceId: stranger.deviceId }), 'device-not-paired')
  t.equal(reason({ publicKey: stranger.publicKey }), 'device-not-paired')
  t.equal(reason({ role: 'node' }), 'role-missing')
  t.equal(reason({ token: '' }), 'token-mismatch')
  t.equal(reason({ token: `${token}x` }), 'token-mismatch')
  t.equal(reason({ scopes: ['operator.write'] }), 'scope-mismatch')
  t.equal(reason({ scopes: [] }), undefined)
  await devices.revoke({ deviceId: device.deviceId, role: 'operator' }, { caller: admin })
  t.equal(reason({}), 'token-revoked')
})

t.test('fewer scopes are granted as asked; more only as far as the token goes, and only when the configuration says so', async t => {
  const { devices, settings } = await deviceRoom(t)
  const device = await paired(devices, { scopes: ['operator.write'] })
  const token = await tokenOf(devices, device)
  t.match(devices.verifyToken(check(device, token, { scopes: ['operator.read'] })), { grantedScopes: ['operator.read'] })
  const wider = check(device, token, { scopes: ['operator.read', 'operator.admin'] })
  t.strictSame(devices.verifyToken(wider), { ok: false, reason: 'scope-mismatch' })
  settings.scopeSurplus = 'connect'
  t.match(devices.verifyToken(wider), { ok: true, grantedScopes: ['operator.read'], surplus: ['operator.admin'] })
})

t.test('a token that came through a shared secret ends with that secret', async t => {
  let generation = 'first'
  const { devices } = await deviceRoom(t, { currentIssuer: () => shared(generation) })
  const device = await paired(devices, { clientId: 'openclaw-control-ui', clientMode: 'ui' })
  const legacy = await tokenOf(devices, device)
  t.match(devices.verifyToken({ ...check(device, legacy), browser: true }), { ok: false, reason: 'legacy-browser-token' })
  const { token } = await devices.issueToken({ ...device, issuer: shared('first') })
  t.not(token, legacy)
  t.ok(devices.verifyToken({ ...check(device, token!), browser: true }).ok)
  t.equal((await devices.issueToken(device)).token, token, 'a connect with the token itself keeps it')
  generation = 'second'
  t.match(devices.verifyToken(check(device, token!)), { ok: false, reason: 'issuer-generation-stale' })
  t.equal(devices.verifyBearer(token!), undefined)
  const { token: renewed } = await devices.issueToken({ ...device, issuer: shared('second') })
  t.ok(devices.verifyToken({ ...check(device, renewed!), browser: true }).ok)
  t.strictSame(devices.verifyToken(check(device, token!)), { ok: false, reason: 'token-mismatch' }, 'without any grace')
})

t.test('a wider connect replaces the token, and the old one never gains what the new one has', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices)
  const narrow = await tokenOf(devices, device)
  const wide = { ...device, scopes: ['operator.admin'] as Scope[] }
  await devices.admit(wide, { caller: localAdministrator, via: 'silent' })
  const token = await tokenOf(devices, wide)
  t.not(token, narrow)
  t.strictSame(devices.verifyBearer(token)?.scopes, ['operator.admin', 'operator.read', 'operator.write'])
  t.equal(devices.verifyBearer(narrow), undefined)
})

t.test('a bearer is the operator token in force, of a device in force', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices, { scopes: ['operator.write'] })
  const token = await tokenOf(devices, device)
  const { tokenHash } = devices.get(device.deviceId)!.tokens.operator!
  t.strictSame(devices.verifyBearer(token), { deviceId: device.deviceId, tokenHash, scopes: ['operator.read', 'operator.write'] })
  for (const wrong of ['', 'x', tokenHash, token.slice(1)]) t.equal(devices.verifyBearer(wrong), undefined)
  const node = await paired(devices, { role: 'node', scopes: [] })
  t.equal(devices.verifyBearer(await tokenOf(devices, node)), undefined)
  await devices.remove(device.deviceId, { caller: admin })
  t.equal(devices.verifyBearer(token), undefined)
})

t.test('a handshake learns that the authority ended while it waited', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices)
  const { deviceId, publicKey, role } = device
  const { record } = await devices.issueToken(device)
  const target = { deviceId, publicKey, role, tokenHash: record.tokenHash }
  t.equal(devices.stillAuthorized(target), true)
  await devices.rotate({ deviceId, role }, { caller: admin })
  t.equal(devices.stillAuthorized(target), false)
  t.equal(devices.stillAuthorized({ deviceId, publicKey, role }), true)
  await devices.revoke({ deviceId, role }, { caller: admin })
  t.equal(devices.stillAuthorized({ deviceId, publicKey, role }), false)
})

/** A store whose disk is full when `full` says so. */
function limitedStore (): { store: Store, disk: { full: boolean } } {
  const disk = { full: false }
  const store = createMemoryStore()
  return {
    disk,
    store: { ...store, commit: ops => disk.full ? Promise.reject(new GatewayError('STORE_UNAVAILABLE')) : store.commit(ops) }
  }
}

t.test('with a full disk paired devices still connect, changes are refused, nothing is told that is not so', async t => {
  const { store, disk } = limitedStore()
  const stateDir = ownDirectory(t)
  const { devices } = await deviceRoom(t, { store, stateDir })
  const device = await paired(devices)
  const token = await tokenOf(devices, device)
  const restarted = await deviceRoom(t, { store, stateDir })
  rmSync(join(stateDir, 'keys'), { recursive: true })
  const keyless = await deviceRoom(t, { store, stateDir: join(stateDir, 'elsewhere') })
  disk.full = true
  t.equal(await tokenOf(restarted.devices, device), token)
  t.strictSame((await keyless.devices.issueToken(device)).token, undefined)
  t.ok(keyless.devices.verifyToken(check(device, token)).ok)
  const { events, invalidated } = restarted
  await t.rejects(restarted.devices.request(newDevice()), { code: 'STORE_UNAVAILABLE' })
  await t.rejects(restarted.devices.revoke({ deviceId: device.deviceId, role: 'operator' }, { caller: admin }), { code: 'STORE_UNAVAILABLE' })
  await t.rejects(restarted.devices.remove(device.deviceId, { caller: admin }), { code: 'STORE_UNAVAILABLE' })
  t.strictSame([events, invalidated, restarted.devices.listPending()], [[], [], []])
  t.ok(restarted.devices.verifyToken(check(device, token)).ok)
  disk.full = false
  await restarted.devices.remove(device.deviceId, { caller: admin })
})

t.test('sightings are saved together, later, and without losing what changed meanwhile', async t => {
  const store = createMemoryStore()
  const { devices, clock } = await deviceRoom(t, { store })
  const device = await paired(devices)
  const token = await tokenOf(devices, device)
  clock.ms += 100
  devices.touch(device.deviceId, 'connect', '192.0.2.4')
  devices.touch('nobody', 'connect')
  devices.verifyToken(check(device, token))
  const saved = () => store.collection<{ lastSeenAtMs?: number }>('devices').get(device.deviceId)
  t.equal((await saved())?.lastSeenAtMs, undefined)
  t.match(devices.get(device.deviceId), { lastSeenAtMs: clock.ms, lastIp: '192.0.2.4', tokens: { operator: { lastUsedAtMs: clock.ms } } })
  t.equal(devices.stats().unsavedSightings, 1)
  await Promise.all([devices.rename(device.deviceId, 'named', { caller: admin }), devices.close()])
  t.match(await saved(), { operatorLabel: 'named', lastSeenAtMs: clock.ms, lastSeenReason: 'connect', tokens: { operator: { lastUsedAtMs: clock.ms } } })
  t.equal(devices.stats().unsavedSightings, 0)
})

t.test('where the key cannot be kept the gateway comes up, and what needs a new token is refused with the reason', async t => {
  const stateDir = ownDirectory(t, { keys: 'a file where a directory should be' })
  const { devices, notices } = await deviceRoom(t, { stateDir })
  t.match(notices, [/cannot be read \(ENOTDIR\)/])
  const { requestId } = await devices.request(newDevice())
  await t.rejects(devices.approve(requestId, { caller: admin }), { code: 'STORE_UNAVAILABLE', message: /key for device tokens/ })
  rmSync(join(stateDir, 'keys'))
  await devices.approve(requestId, { caller: admin })
})
