import type { NodeSummary, ApprovedNodeSurface } from './node-types.ts'
import type { DeviceSummary, PairedDevice, TokenSummary } from './types.ts'

/** A device without anything that opens a door. */
export function summaryOf (device: PairedDevice): DeviceSummary {
  const tokens = Object.values(device.tokens)
    .sort((a, b) => a.role < b.role ? -1 : 1)
    .map(({ role, scopes, createdAtMs, rotatedAtMs, revokedAtMs, lastUsedAtMs }): TokenSummary => ({
      role,
      scopes,
      createdAtMs,
      ...(rotatedAtMs === undefined ? {} : { rotatedAtMs }),
      ...(revokedAtMs === undefined ? {} : { revokedAtMs }),
      ...(lastUsedAtMs === undefined ? {} : { lastUsedAtMs })
    }))
  return { ...device, tokens }
}

export function nodeSummaryOf (surface: ApprovedNodeSurface, device: PairedDevice | undefined): NodeSummary {
  const { lastSeenAtMs, lastSeenReason } = device ?? {}
  return {
    ...surface,
    ...(lastSeenAtMs === undefined ? {} : { lastSeenAtMs }),
    ...(lastSeenReason === undefined ? {} : { lastSeenReason })
  }
}

/** Newest first. */
export const byTime = <T>(timeOf: (item: T) => number) => (a: T, b: T): number => timeOf(b) - timeOf(a)
