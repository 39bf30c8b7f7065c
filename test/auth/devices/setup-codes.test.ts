import { inflateSync } from 'node:zlib'
import t from 'tap'
import { setupProfiles } from '../../../src/auth/devices/setup-profiles.ts'
import type { RedeemRequest, RedeemVerdict, SetupProfile } from '../../../src/auth/devices/types.ts'
import { fullOperatorScopes, type Scope } from '../../../src/protocol/scopes.ts'
import { createMemoryStore } from '../../../src/store/memory/memory-store.ts'
import { qrPngDataUrl } from '../../../src/auth/devices/qr.ts'
import { contractProblem } from '../../contract.ts'
import { admin, callerWith, check, deviceRoom, localAdministrator, newDevice, ownCaller, paired, tokenOf } from './device-room.ts'

const url = 'wss://gateway.example:18789'
const phone = { id: 'openclaw-ios', mode: 'ui', platform: 'iOS 18', deviceFamily: 'iPhone', displayName: 'Phone' }
const page = { id: 'openclaw-control-ui', mode: 'webchat', platform: 'MacIntel' }

const redeeming = (token: string, more: Partial<RedeemRequest> = {}): RedeemRequest => {
  const { deviceId, publicKey } = newDevice()
  return { token, deviceId, publicKey, role: 'node', scopes: [], client: phone, ...more }
}
const won = (verdict: RedeemVerdict) => {
  if (!verdict.ok) throw new Error(verdict.reason)
  return verdict
}
const refused = { ok: false, reason: 'bootstrap-token-invalid' }

t.test('a setup code holds where to go, what to say, and until when', async t => {
  const { devices, clock, store } = await deviceRoom(t)
  const made = await devices.createSetupCode({ profile: 'limited', url, caller: admin })
  const content = JSON.parse(Buffer.from(made.setupCode, 'base64url').toString())
  t.strictSame(content, { url, bootstrapToken: made.bootstrapToken, expiresAtMs: clock.ms + 10 * 60_000 })
  t.match(made.bootstrapToken, /^[\w-]{43}$/)
  t.match(made, { link: `oc-pair://${made.setupCode}`, gatewayUrl: url, access: 'limited', expiresAtMs: clock.ms + 10 * 60_000 })
  const { setupId, setupCode, gatewayUrl, access, expiresAtMs } = made
  t.equal(contractProblem('DevicePairSetupCodeResult', { setupId, setupCode, gatewayUrl, access, expiresAtMs, auth: 'token', urlSource: 'config' }), undefined)
  t.notMatch(JSON.stringify(await store.collection('setup-codes').all()), made.bootstrapToken)
})

t.test('only an administrator makes or takes back setup codes', async t => {
  const { devices } = await deviceRoom(t)
  const lesser = fullOperatorScopes.filter(scope => scope !== 'operator.admin')
  await t.rejects(devices.createSetupCode({ profile: 'node', url, caller: callerWith(lesser) }), { message: 'missing scope: operator.admin' })
  await t.rejects(devices.createSetupCode({ profile: 'node', url, caller: ownCaller('device', ['operator.write']) }), { message: 'missing scope: operator.admin' })
  const { setupId } = await devices.createSetupCode({ profile: 'node', url, caller: localAdministrator })
  await t.rejects(devices.revokeSetupCode(setupId, { caller: callerWith(lesser) }), { message: 'missing scope: operator.admin' })
})

t.test('a phone gets a token for each role of its code, that of the role it connects with first', async t => {
  const { devices, told } = await deviceRoom(t)
  const { bootstrapToken, setupId } = await devices.createSetupCode({ profile: 'limited', url, caller: admin })
  t.strictSame(devices.setupStatus(setupId), {})
  const request = redeeming(bootstrapToken)
  const verdict = won(await devices.redeem(request))
  t.strictSame(verdict.tokens.map(({ role, scopes }) => [role, scopes]), [
    ['node', []],
    ['operator', ['operator.approvals', 'operator.questions', 'operator.read', 'operator.talk.secrets', 'operator.write']]
  ])
  t.match(verdict, { setupId, scopes: [], tokenHash: devices.get(request.deviceId)!.tokens.node!.tokenHash })
  for (const { deviceToken, role, scopes } of verdict.tokens) {
    t.ok(devices.verifyToken({ deviceId: request.deviceId, publicKey: request.publicKey, role, token: deviceToken, scopes }).ok)
  }
  t.match(devices.get(request.deviceId), { approvedVia: 'bootstrap', approvedBy: 'the owner', roles: ['node', 'operator'], displayName: 'Phone', platform: 'iOS 18' })
  t.match(told('device.pair.resolved'), [{ deviceId: request.deviceId, decision: 'approved' }])
  t.match(devices.setupStatus(setupId), { deliveryUncertain: { setupId, deviceId: request.deviceId, deviceName: 'Phone', access: 'limited' } })
  await devices.completeSetup(setupId)
  await devices.completeSetup(setupId)
  const completed = told('device.pair.setup.completed')
  t.equal(completed.length, 1)
  t.equal(contractProblem('DevicePairSetupCompletedEvent', completed[0]), undefined)
  t.strictSame(devices.setupStatus(setupId), { completion: completed[0] })
  t.equal(contractProblem('DevicePairSetupStatusResult', devices.setupStatus(setupId)), undefined)
  t.strictSame(await devices.redeem(request), refused, 'used up')
})

t.test('of two devices that redeem a code at the same time one wins', async t => {
  const { devices } = await deviceRoom(t)
  const { bootstrapToken } = await devices.createSetupCode({ profile: 'limited', url, caller: admin })
  const requests = Array.from({ length: 10 }, () => redeeming(bootstrapToken))
  const verdicts = await Promise.all(requests.map(request => devices.redeem(request)))
  t.equal(verdicts.filter(({ ok }) => ok).length, 1)
  t.equal(devices.stats().paired, 1)
  const loser = requests[verdicts.findIndex(({ ok }) => !ok)]!
  t.strictSame(await devices.redeem(loser), refused)
})

t.test('the device that owns a code may repeat a connect that got no answer, and gets the same tokens', async t => {
  const { devices } = await deviceRoom(t)
  const { bootstrapToken } = await devices.createSetupCode({ profile: 'limited', url, caller: admin })
  const request = redeeming(bootstrapToken)
  const first = won(await devices.redeem(request))
  const again = won(await devices.redeem(request))
  t.strictSame(again.tokens, first.tokens)
  const asOperator = won(await devices.redeem({ ...request, role: 'operator', scopes: ['operator.read'] }))
  t.strictSame(asOperator.tokens.map(({ role }) => role), ['operator', 'node'])
  t.strictSame(asOperator.scopes, ['operator.read'])
  t.strictSame(await devices.redeem({ ...request, publicKey: newDevice().publicKey }), refused)
})

t.test('what a code gives was decided when it was made', async t => {
  const { devices } = await deviceRoom(t)
  for (const profile of Object.keys(setupProfiles) as SetupProfile[]) {
    const { scopes, roles } = setupProfiles[profile]
    const client = profile === 'owner' ? page : phone
    const { bootstrapToken } = await devices.createSetupCode({ profile, url, caller: admin })
    if (!scopes.includes('operator.admin')) {
      t.strictSame(await devices.redeem(redeeming(bootstrapToken, { role: 'operator', scopes: ['operator.admin'], client })), refused, `${profile}: admin`)
    }
    if (!roles.includes('operator')) t.strictSame(await devices.redeem(redeeming(bootstrapToken, { role: 'operator', client })), refused, `${profile}: operator`)
    if (!roles.includes('node')) t.strictSame(await devices.redeem(redeeming(bootstrapToken, { role: 'node', client })), refused, `${profile}: node`)
    const role = roles[0]!
    const request = redeeming(bootstrapToken, { role, scopes: role === 'operator' ? scopes : [], client })
    won(await devices.redeem(request))
    t.strictSame(devices.get(request.deviceId)?.roles, [...roles], `${profile}: roles`)
    t.strictSame(devices.get(request.deviceId)?.scopes, [...scopes], `${profile}: scopes`)
  }
})

t.test('a code asked for with fewer scopes still gives the device all that was decided, and the connect what it asked', async t => {
  const { devices } = await deviceRoom(t)
  const { bootstrapToken } = await devices.createSetupCode({ profile: 'full', url, caller: admin })
  const request = redeeming(bootstrapToken, { role: 'operator', scopes: ['operator.read'] })
  const verdict = won(await devices.redeem(request))
  t.strictSame(verdict.scopes, ['operator.read'])
  t.ok(verdict.tokens[0]!.scopes.includes('operator.admin'))
})

t.test('the owner code is for the control page, asking for exactly its set; the others are not for pages', async t => {
  const { devices } = await deviceRoom(t)
  const { bootstrapToken } = await devices.createSetupCode({ profile: 'owner', url, caller: admin })
  const { scopes } = setupProfiles.owner
  t.strictSame(await devices.redeem(redeeming(bootstrapToken, { role: 'operator', scopes })), refused, 'an app')
  t.strictSame(await devices.redeem(redeeming(bootstrapToken, { role: 'operator', scopes: scopes.slice(1), client: page })), refused, 'less')
  t.strictSame(await devices.redeem(redeeming(bootstrapToken, { role: 'operator', scopes: [...scopes, 'operator.talk'], client: page })), refused, 'other')
  t.ok((await devices.redeem(redeeming(bootstrapToken, { role: 'operator', scopes, client: page }))).ok)
  const mobile = await devices.createSetupCode({ profile: 'limited', url, caller: admin })
  t.strictSame(await devices.redeem(redeeming(mobile.bootstrapToken, { role: 'operator', client: page })), refused)
})

t.test('a code ends after ten minutes, when it is revoked, and when its device is rejected or removed', async t => {
  const { devices, clock, store } = await deviceRoom(t)
  const make = () => devices.createSetupCode({ profile: 'node', url, caller: admin })
  const expired = await make()
  clock.ms += 10 * 60_000
  t.strictSame(await devices.redeem(redeeming(expired.bootstrapToken)), refused)

  const revoked = await make()
  t.equal(await devices.revokeSetupCode(revoked.setupId, { caller: admin }), true)
  t.equal(await devices.revokeSetupCode(revoked.setupId, { caller: admin }), false)
  t.strictSame(await devices.redeem(redeeming(revoked.bootstrapToken)), refused)

  const removed = await make()
  const owner = redeeming(removed.bootstrapToken)
  won(await devices.redeem(owner))
  await devices.remove(owner.deviceId, { caller: admin })
  t.strictSame(await devices.redeem(owner), refused)

  const rejected = await make()
  const other = redeeming(rejected.bootstrapToken)
  won(await devices.redeem(other))
  const { requestId } = await devices.request(newDevice({ ...other, clientId: 'cli', clientMode: 'cli', role: 'operator', scopes: ['operator.admin'] }))
  await devices.reject(requestId, { caller: admin })
  t.strictSame(await devices.redeem(other), refused)

  t.strictSame(await devices.redeem(redeeming('nonsense')), refused)
  clock.ms += 60 * 60_000
  t.strictSame(devices.setupStatus(rejected.setupId), {})
  await make()
  t.equal((await store.collection('setup-codes').all()).length, 1, 'what is over leaves the disk')
})

t.test('a code keeps working over a restart', async t => {
  const store = createMemoryStore()
  const before = await deviceRoom(t, { store })
  const { bootstrapToken } = await before.devices.createSetupCode({ profile: 'node', url, caller: admin })
  const request = redeeming(bootstrapToken)
  const after = await deviceRoom(t, { store })
  t.ok((await after.devices.redeem(request)).ok)
  const later = await deviceRoom(t, { store })
  t.strictSame(await later.devices.redeem(redeeming(bootstrapToken)), refused)
  t.ok((await later.devices.redeem(request)).ok)
})

t.test('codes that nobody uses are bounded', async t => {
  const { devices, clock } = await deviceRoom(t)
  const make = () => devices.createSetupCode({ profile: 'node', url, caller: admin })
  for (let count = 0; count < 200; count++) await make()
  await t.rejects(make(), { code: 'PAIRING_QUEUE_FULL' })
  clock.ms += 10 * 60_000
  await make()
  t.equal(devices.stats().setupCodes, 1)
})

t.test('a code adds to what its device already has, settles its request, and may bring a revoked role back', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices, { scopes: ['operator.pairing'] })
  const old = await tokenOf(devices, device)
  await devices.request({ ...device, role: 'node', scopes: [] })
  const { bootstrapToken } = await devices.createSetupCode({ profile: 'limited', url, caller: admin })
  const { deviceId, publicKey } = device
  won(await devices.redeem(redeeming(bootstrapToken, { deviceId, publicKey })))
  t.match(devices.get(deviceId), { roles: ['operator', 'node'], approvedVia: 'bootstrap' })
  t.ok(devices.get(deviceId)!.scopes.includes('operator.pairing'))
  t.strictSame(devices.listPending(), [])
  t.ok(devices.verifyToken(check(device, old)).ok, 'until the new token was used')
  await devices.revoke({ deviceId, role: 'node' }, { caller: admin })
  const again = await devices.createSetupCode({ profile: 'node', url, caller: admin })
  won(await devices.redeem(redeeming(again.bootstrapToken, { deviceId, publicKey })))
  t.equal(devices.assess({ ...device, role: 'node', scopes: [] as Scope[], platform: undefined }).state, 'ok')
})

const code = `oc-pair://${'A'.repeat(180)}`

t.test('a page gets the same code as a small grey PNG', async t => {
  const { encode } = await import('uqr')
  const url = await qrPngDataUrl(code)
  t.match(url, /^data:image\/png;base64,/)
  t.ok(url.length <= 16_384, `${url.length} characters, the contract allows 16384`)
  const png = Buffer.from(url.slice(url.indexOf(',') + 1), 'base64')
  t.strictSame(png.subarray(0, 8), Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))
  const { data: modules } = encode(code, { border: 4 })
  const side = png.readUInt32BE(16)
  t.equal(side, modules.length * 4)
  const compressedBytes = png.readUInt32BE(33)
  const pixels = inflateSync(png.subarray(41, 41 + compressedBytes))
  const shown = modules.map((line, y) => line.map((_, x) => pixels[(y * 4 + 1) * (side + 1) + 1 + x * 4 + 2] === 0))
  t.strictSame(shown, modules)
})
