import type { Role } from '../../protocol/client-info.ts'
import type { PairedDevice } from './types.ts'

export interface Sighting {
  readonly atMs?: number
  readonly reason?: string
  readonly address?: string
  readonly used: { readonly [role in Role]?: { readonly tokenHash: string, readonly atMs: number } }
}

/** When devices and tokens were last seen: kept beside the records, so that no connect waits for a disk. One entry per paired device. */
export interface Sightings {
  seen (deviceId: string, reason: string, atMs: number, address?: string): void
  used (deviceId: string, role: Role, tokenHash: string, atMs: number): void
  /** The record with what was seen since it was saved. */
  merged (device: PairedDevice): PairedDevice
  /** True when this very token was used since it was made. */
  wasUsed (device: PairedDevice, role: Role): boolean
  unsaved (): Array<[deviceId: string, sighting: Sighting]>
  /** Saved, unless something newer came meanwhile. */
  saved (deviceId: string, sighting: Sighting): void
  forget (deviceId: string): void
  readonly size: number
}

export function createSightings (): Sightings {
  const unsaved = new Map<string, Sighting>()
  const of = (deviceId: string): Sighting => unsaved.get(deviceId) ?? { used: {} }

  function usedAtMs (device: PairedDevice, role: Role): number | undefined {
    const token = device.tokens[role]
    const used = of(device.deviceId).used[role]
    return used && used.tokenHash === token?.tokenHash ? used.atMs : token?.lastUsedAtMs
  }

  function withTokenUse (device: PairedDevice): PairedDevice['tokens'] {
    const tokens = { ...device.tokens }
    for (const token of Object.values(device.tokens)) {
      const lastUsedAtMs = usedAtMs(device, token.role)
      if (lastUsedAtMs !== undefined) tokens[token.role] = { ...token, lastUsedAtMs }
    }
    return tokens
  }

  return {
    seen (deviceId, reason, atMs, address) {
      unsaved.set(deviceId, { ...of(deviceId), reason, atMs, ...(address === undefined ? {} : { address }) })
    },
    used (deviceId, role, tokenHash, atMs) {
      const before = of(deviceId)
      unsaved.set(deviceId, { ...before, used: { ...before.used, [role]: { tokenHash, atMs } } })
    },
    merged (device) {
      const sighting = unsaved.get(device.deviceId)
      if (!sighting) return device
      return {
        ...device,
        tokens: withTokenUse(device),
        ...(sighting.atMs === undefined ? {} : { lastSeenAtMs: sighting.atMs, lastSeenReason: sighting.reason }),
        ...(sighting.address === undefined ? {} : { lastIp: sighting.address })
      }
    },
    wasUsed: (device, role) => usedAtMs(device, role) !== undefined,
    unsaved: () => [...unsaved],
    saved (deviceId, sighting) { if (unsaved.get(deviceId) === sighting) unsaved.delete(deviceId) },
    forget (deviceId) { unsaved.delete(deviceId) },
    get size () { return unsaved.size }
  }
}
