import type { Records } from './records.ts'
import type { Sightings } from './sightings.ts'
import type { TokenMaker } from './token-maker.ts'
import type { DevicesOptions } from './room.ts'
import type { PairedDevice } from './types.ts'

/** Hard bounds of the tables. */
export const deviceLimits = {
  maxPaired: 10_000,
  pendingTtlMs: 5 * 60_000,
  maxSetupCodes: 200,
  setupTtlMs: 10 * 60_000,
  setupOutcomeMs: 20 * 60_000,
  /** How long the token before a rotation opens signed connects, unless the new one was used. */
  rotationGraceMs: 60_000,
  /** The same after an approval or a wider connect replaced the token: nobody distrusts the old one, and its device may be asleep. */
  upgradeGraceMs: 24 * 60 * 60_000,
  /** A device that was approved by itself gives way when all places are taken and it was away for this long. */
  evictAfterMs: 60_000,
  sightingsSaveMs: 5 * 60_000,
  maxNodeNames: 512,
  maxNameLength: 256
} as const

/** What the parts of this room share. */
export interface DeviceContext extends Pick<DevicesOptions, 'now' | 'settings' | 'emit' | 'invalidate' | 'isConnected' | 'currentIssuer'> {
  readonly records: Records
  readonly maker: TokenMaker
  readonly sightings: Sightings
}

/** The record as of now, sightings included. */
export const freshDevice = ({ records, sightings }: DeviceContext, deviceId: string): PairedDevice | undefined => {
  const device = records.devices.get(deviceId)
  return device && sightings.merged(device)
}
