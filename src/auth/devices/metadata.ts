import { normalizeDeviceMetadata } from '../../protocol/device-auth.ts'
import type { DeviceClaims, PairedDevice } from './types.ts'

/** Names under which clients report the same platform. */
const platformNames: { readonly [name: string]: string } = {
  darwin: 'macos',
  mac: 'macos',
  macintel: 'macos',
  macintosh: 'macos',
  macppc: 'macos',
  osx: 'macos',
  win: 'windows',
  win32: 'windows',
  win64: 'windows',
  wince: 'windows',
  ipados: 'ios',
  iphoneos: 'ios'
}

/** The platform without versions and architectures, which change with every update: "iOS 18.2" and "ios 19" are one platform. */
export function canonicalPlatform (platform: string | undefined): string {
  const [word = ''] = /^[a-z]+(?:32|64)?/.exec(normalizeDeviceMetadata(platform)) ?? []
  return platformNames[word] ?? word
}

/** A node host of our own and the app beside it on the same Mac share one identity and name the machine differently. */
const namesItsOwnFamily = (clientId: string | undefined): boolean => clientId === 'node-host'

/** True when a connect comes from another kind of machine than the one that was approved. What one side does not say proves nothing. */
export function metadataChanged (device: PairedDevice, claims: DeviceClaims): boolean {
  const pinned = canonicalPlatform(device.platform)
  const claimed = canonicalPlatform(claims.platform)
  if (pinned && claimed && pinned !== claimed) return true
  if (namesItsOwnFamily(claims.clientId) || namesItsOwnFamily(device.clientId)) return false
  const pinnedFamily = normalizeDeviceMetadata(device.deviceFamily)
  const claimedFamily = normalizeDeviceMetadata(claims.deviceFamily)
  return pinnedFamily !== '' && claimedFamily !== '' && pinnedFamily !== claimedFamily
}
