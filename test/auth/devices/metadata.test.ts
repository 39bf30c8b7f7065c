import t from 'tap'
import { canonicalPlatform } from '../../../src/auth/devices/metadata.ts'
import { admin, deviceRoom, newDevice, paired, type Claims } from './device-room.ts'

const drifts: Array<[what: string, before: Partial<Claims>, after: Partial<Claims>]> = [
  ['the case of the platform', { platform: 'Linux' }, { platform: ' LINUX ' }],
  ['the display name', { displayName: 'old' }, { displayName: 'new' }],
  ['a family that is missing now', { platform: 'ios', deviceFamily: 'iPhone' }, { platform: 'ios' }],
  ['a family that was missing before', { platform: 'ios' }, { platform: 'ios', deviceFamily: 'iPhone' }],
  ['the case of the family', { platform: 'ios', deviceFamily: 'iPhone' }, { platform: 'ios', deviceFamily: 'IPHONE' }],
  ['a version of the system', { platform: 'iOS 18.2', clientId: 'openclaw-ios' }, { platform: 'iOS 19.0.1', clientId: 'openclaw-ios' }],
  ['a version of the kernel', { platform: 'linux 6.8.0-31-generic' }, { platform: 'linux 6.11' }],
  ['the name of the same system', { platform: 'darwin', clientId: 'node-host' }, { platform: 'macos', clientId: 'node-host' }],
  ['the name of the same Windows', { platform: 'win32' }, { platform: 'Windows 11' }],
  ['the name a browser gives a Mac', { platform: 'MacIntel' }, { platform: 'macOS' }],
  ['an iPad that says iPadOS', { platform: 'iOS 17' }, { platform: 'iPadOS 18' }],
  ['the app and the node host of one Mac', { platform: 'macOS 15', deviceFamily: 'Mac', clientId: 'openclaw-macos' }, { platform: 'darwin', deviceFamily: 'Darwin', clientId: 'node-host' }],
  ['another client on the same machine', { clientId: 'cli', clientMode: 'cli' }, { clientId: 'gateway-client', clientMode: 'backend' }]
]

for (const [what, before, after] of drifts) {
  t.test(`${what} may change without another approval`, async t => {
    const { devices } = await deviceRoom(t)
    const device = await paired(devices, before)
    const assessed = devices.assess({ ...device, deviceFamily: undefined, ...after })
    t.equal(assessed.state, 'ok')
  })
}

t.test('what was approved stands for what a connect says', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices, { platform: 'iOS 18.2', deviceFamily: 'iPhone' })
  t.strictSame(devices.assess({ ...device, platform: 'ios 19', deviceFamily: undefined }), { state: 'ok', platform: 'iOS 18.2', deviceFamily: 'iPhone' })
})

t.test('another platform or family is another machine: it needs an approval, and nothing else is lost', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices, { platform: 'ios', deviceFamily: 'iPhone' })
  const before = await devices.issueToken(device)
  for (const other of [{ platform: 'android' }, { deviceFamily: 'iPad' }]) {
    t.match(devices.assess({ ...device, ...other }), { state: 'needs-approval', reason: 'metadata-upgrade', approvedRoles: ['operator'] })
  }
  const { requestId } = await devices.request({ ...device, platform: 'android', deviceFamily: 'Pixel' })
  await devices.approve(requestId, { caller: admin })
  t.match(devices.get(device.deviceId), { platform: 'android', deviceFamily: 'Pixel' })
  t.equal(devices.assess({ ...device, platform: 'android', deviceFamily: 'Pixel' }).state, 'ok')
  const after = await devices.issueToken(device)
  t.equal(after.token, before.token, 'the token stays')
})

t.test('roles and scopes are looked at before the platform', async t => {
  const { devices } = await deviceRoom(t)
  const device = await paired(devices)
  t.match(devices.assess({ ...device, platform: 'windows', scopes: ['operator.admin'] }), { reason: 'scope-upgrade' })
  t.match(devices.assess({ ...device, platform: 'windows', role: 'node' }), { reason: 'role-upgrade' })
})

t.test('platform names are reduced to the word that counts', t => {
  const words: Array<[string | undefined, string]> = [
    ['macOS 15.3.1', 'macos'], ['Win32', 'windows'], ['Linux x86_64', 'linux'], ['ipados', 'ios'], ['watchOS 11', 'watchos'], ['', ''], [undefined, ''], ['42', '']
  ]
  for (const [said, word] of words) t.equal(canonicalPlatform(said), word)
  t.end()
})

t.test('a device that says nothing about its platform pairs like any other', async t => {
  const { devices } = await deviceRoom(t)
  const device = newDevice({ platform: undefined })
  const { requestId } = await devices.request(device)
  await devices.approve(requestId, { caller: admin })
  t.equal(devices.assess({ ...device, platform: 'linux' }).state, 'ok')
})
