import { randomUUID } from 'node:crypto'
import { hasPassed } from '../../lib/clock.ts'
import { addressGroup, isLoopbackAddress } from '../../lib/net-address.ts'
import { normalizeDeviceMetadata } from '../../protocol/device-auth.ts'
import { GatewayError } from '../../protocol/errors.ts'
import { coversScopes } from '../../protocol/scopes.ts'
import { scopesOf } from './authority.ts'
import { deviceLimits, type DeviceContext } from './context.ts'
import { canonicalPlatform } from './metadata.ts'
import { put, remove } from './records.ts'
import type { DeviceClaims, PendingRequest } from './types.ts'

export type PairingClaims = DeviceClaims & { remoteAddress?: string, silent?: boolean }

export interface PendingRequests {
  request (claims: PairingClaims): Promise<PendingRequest>
  list (): PendingRequest[]
  find (requestId: string): PendingRequest | undefined
  ofDevice (deviceId: string): PendingRequest | undefined
}

/** The address of this machine itself says nothing about where a request comes from. */
const remoteIp = (address: string | undefined): { remoteIp?: string } =>
  address === undefined || isLoopbackAddress(address) ? {} : { remoteIp: address }

const name = (value: string | undefined): string | undefined => value?.slice(0, deviceLimits.maxNameLength) || undefined

export const requestOf = (claims: PairingClaims, ts: number, isRepair: boolean): PendingRequest => ({
  requestId: randomUUID(),
  deviceId: claims.deviceId,
  publicKey: claims.publicKey,
  ...(name(claims.displayName) ? { displayName: name(claims.displayName) } : {}),
  ...(name(claims.platform) ? { platform: name(claims.platform) } : {}),
  ...(name(claims.deviceFamily) ? { deviceFamily: name(claims.deviceFamily) } : {}),
  clientId: claims.clientId,
  clientMode: claims.clientMode,
  ...(claims.browserOrigin ? { browserOrigin: claims.browserOrigin } : {}),
  role: claims.role,
  roles: [claims.role],
  scopes: scopesOf(claims.role, claims.scopes),
  ...remoteIp(claims.remoteAddress),
  silent: claims.silent ?? false,
  isRepair,
  ts
})

/** True when a person who decides about `known` decides about this too: the same machine and client, asking for nothing more. */
const asksTheSame = (known: PendingRequest, asked: PendingRequest): boolean =>
  known.publicKey === asked.publicKey && known.roles.includes(asked.role) && coversScopes(known.scopes, asked.scopes) &&
  canonicalPlatform(known.platform) === canonicalPlatform(asked.platform) &&
  normalizeDeviceMetadata(known.deviceFamily) === normalizeDeviceMetadata(asked.deviceFamily) &&
  known.clientId === asked.clientId && known.clientMode === asked.clientMode

/** One request that says everything its device has asked for so far. Another key starts over. */
function union (known: PendingRequest | undefined, asked: PendingRequest): PendingRequest {
  if (!known || known.publicKey !== asked.publicKey) return asked
  return { ...asked, roles: [...new Set([...known.roles, ...asked.roles])], scopes: [...new Set([...known.scopes, ...asked.scopes])] }
}

export function createPendingRequests (context: DeviceContext): PendingRequests {
  const { records, settings, emit, now } = context
  /** Requests on their way to the disk count already, or a burst would pass the bound together. */
  const filing = new Set<PendingRequest>()

  const resolved = (request: PendingRequest, decision: string): void =>
    emit('device.pair.resolved', { requestId: request.requestId, deviceId: request.deviceId, decision, ts: now() })

  function prune (): void {
    for (const request of records.pending.values()) {
      if (!hasPassed(request.ts, deviceLimits.pendingTtlMs, now())) continue
      records.drop('device-requests', request.requestId)
      resolved(request, 'expired')
    }
  }

  function list (): PendingRequest[] {
    prune()
    return [...records.pending.values()]
  }

  const ofDevice = (deviceId: string): PendingRequest | undefined => list().find(request => request.deviceId === deviceId)
  const isKnown = ({ deviceId, publicKey }: PendingRequest): boolean => records.devices.get(deviceId)?.publicKey === publicKey

  /** Strangers share the places, and those of one address some of them. A paired device has one of its own and needs none of these. */
  function checkRoom (asked: PendingRequest, replaced: PendingRequest | undefined, group: string): void {
    if (isKnown(asked)) return
    const { maxPending, maxPendingPerAddress } = settings()
    const strangers = [...list(), ...filing].filter(request => request !== replaced && !isKnown(request))
    const neighbours = strangers.filter(request => groupOf(request) === group)
    // Everything on this machine is one address, and belongs to one owner: it may take more, but never all.
    const share = group === local ? Math.max(maxPendingPerAddress, Math.floor(maxPending * 3 / 4)) : maxPendingPerAddress
    if (strangers.length >= maxPending || neighbours.length >= share) throw new GatewayError('PAIRING_QUEUE_FULL')
  }

  async function file (claims: PairingClaims): Promise<PendingRequest> {
    const device = records.devices.get(claims.deviceId)
    const asked = requestOf(claims, now(), device !== undefined)
    const known = ofDevice(claims.deviceId)
    if (known && asksTheSame(known, asked)) {
      const refreshed = { ...known, silent: known.silent && asked.silent, ts: asked.ts }
      records.refresh(refreshed)
      if (known.silent && !refreshed.silent) emit('device.pair.requested', refreshed)
      return refreshed
    }
    checkRoom(asked, known, groupOf(asked))
    const request = union(known, asked)
    filing.add(request)
    try {
      await records.commit([...(known ? [remove('device-requests', known.requestId)] : []), put('device-requests', request.requestId, request)])
    } finally {
      filing.delete(request)
    }
    if (known) resolved(known, 'rejected')
    if (!request.silent) emit('device.pair.requested', request)
    return request
  }

  return {
    request: claims => records.inLane(claims.deviceId, () => file(claims)),
    list,
    find: requestId => list().find(request => request.requestId === requestId),
    ofDevice
  }
}

const local = 'local'
const groupOf = (request: PendingRequest): string => request.remoteIp === undefined ? local : addressGroup(request.remoteIp)
