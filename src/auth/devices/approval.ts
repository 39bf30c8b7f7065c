import { GatewayError } from '../../protocol/errors.ts'
import type { Role } from '../../protocol/client-info.ts'
import { coversScopes } from '../../protocol/scopes.ts'
import { activeToken, grantedAuthority, isRevoked, scopesOf, tokenScopes } from './authority.ts'
import { deviceLimits, freshDevice, type DeviceContext } from './context.ts'
import { requestOf, type PairingClaims, type PendingRequests } from './pending.ts'
import { denied, firstMissing, isAdmin, mayActOn, missingScope } from './permissions.ts'
import { put, remove, type Change } from './records.ts'
import { summaryOf } from './summaries.ts'
import { replacedToken } from './token-record.ts'
import type { DeviceDecision } from './room.ts'
import type { ApprovalOrigin, DeviceCaller, DeviceToken, PairedDevice, PendingRequest } from './types.ts'

interface Approver { caller: DeviceCaller, via: ApprovalOrigin }

/** What is to be written when a request is granted. */
interface Granted { changes: Change[], device: PairedDevice }

export interface Approval {
  approve (requestId: string, by: { caller: DeviceCaller, via?: ApprovalOrigin }): Promise<DeviceDecision>
  admit (claims: PairingClaims, by: Approver): Promise<DeviceDecision>
  /** For whoever commits more along with it. */
  grant (request: PendingRequest, by: Approver): Promise<Granted>
  /** Says to everyone that a granted request is in force. */
  announce (request: PendingRequest, before: PairedDevice | undefined): void
}

/** Decided by a person, not by a rule. */
const isDeliberate = (via: ApprovalOrigin): boolean => via === 'owner' || via === 'bootstrap'

/** Who may say yes: someone who holds everything that the device will hold; to nodes and to what was revoked, an administrator. */
function checkCaller (caller: DeviceCaller, via: ApprovalOrigin, request: PendingRequest, before: PairedDevice | undefined): void {
  const revives = request.roles.some(role => isRevoked(before, role))
  if (revives && !isDeliberate(via)) throw denied('device pairing approval')
  if (!mayActOn(caller, request.deviceId)) throw denied('device pairing approval')
  const needsAdmin = revives || request.roles.some(role => role !== 'operator')
  if (needsAdmin && !isAdmin(caller)) throw missingScope('operator.admin')
  const { scopes } = grantedAuthority(before, request)
  const missing = firstMissing(caller, scopes)
  if (missing) throw missingScope(missing)
}

export function createApproval (context: DeviceContext, pendingRequests: PendingRequests): Approval {
  const { records, maker, sightings, now, emit, invalidate } = context

  /** A token stays as long as it does what was granted. One that is replaced is good until its device knows the new one. */
  function tokenFor (device: PairedDevice, before: PairedDevice | undefined, request: PendingRequest, role: Role): DeviceToken {
    const current = before?.publicKey === device.publicKey ? activeToken(before, role) : undefined
    const serves = current && coversScopes(current.scopes, scopesOf(role, request.scopes))
    if (serves && maker.remake(device.deviceId, current) !== undefined) return current
    return replacedToken({
      minted: maker.mint(device.deviceId, role),
      role,
      scopes: tokenScopes(role, device.scopes),
      now: now(),
      current,
      currentUsed: before !== undefined && sightings.wasUsed(before, role),
      graceMs: deviceLimits.upgradeGraceMs
    })
  }

  function approvedDevice (request: PendingRequest, before: PairedDevice | undefined, by: Approver): PairedDevice {
    const same = before?.publicKey === request.publicKey ? before : undefined
    const authority = grantedAuthority(before, request)
    const keepsOrigin = same !== undefined && isDeliberate(same.approvedVia) && !isDeliberate(by.via)
    const { requestId, silent, isRepair, ts, ...claimed } = request
    const device: PairedDevice = {
      approvedVia: by.via,
      ...same,
      ...claimed,
      ...authority,
      ...(keepsOrigin ? {} : { approvedVia: by.via, approvedBy: by.caller.label }),
      createdAtMs: same?.createdAtMs ?? now(),
      approvedAtMs: now(),
      ...(before?.operatorLabel === undefined ? {} : { operatorLabel: before.operatorLabel }),
      tokens: same ? { ...same.tokens } : {}
    }
    for (const role of request.roles) device.tokens[role] = tokenFor(device, before, request, role)
    return device
  }

  /** Makes room among the devices that approved themselves; a device that a person let in stays. */
  function evictions (): Change[] {
    if (records.devices.size < deviceLimits.maxPaired) return []
    const oldest = now() - deviceLimits.evictAfterMs
    const idle = [...records.devices.keys()]
      .map(deviceId => freshDevice(context, deviceId)!)
      .filter(device => device.approvedVia === 'silent' && !context.isConnected?.(device.deviceId) && lastSign(device) < oldest)
      .sort((a, b) => lastSign(a) - lastSign(b))
      .slice(0, deviceLimits.maxPaired / 100)
    if (idle.length === 0) throw new GatewayError('DEVICES_FULL')
    return idle.flatMap(({ deviceId }) => [remove('devices', deviceId), remove('node-surfaces', deviceId)])
  }

  const lastSign = (device: PairedDevice): number => Math.max(device.lastSeenAtMs ?? 0, device.approvedAtMs)

  async function grant (request: PendingRequest, by: Approver): Promise<Granted> {
    await maker.prepare()
    const before = freshDevice(context, request.deviceId)
    checkCaller(by.caller, by.via, request, before)
    const device = approvedDevice(request, before, by)
    const room = before ? [] : evictions()
    return { device, changes: [...room, put('devices', device.deviceId, device)] }
  }

  function announce (request: PendingRequest, before: PairedDevice | undefined): void {
    emit('device.pair.resolved', { requestId: request.requestId, deviceId: request.deviceId, decision: 'approved', ts: now() })
    if (before && before.publicKey !== request.publicKey) invalidate({ deviceId: request.deviceId }, 'device paired with another key')
  }

  async function settle (request: PendingRequest, waiting: PendingRequest | undefined, by: Approver): Promise<DeviceDecision> {
    const before = records.devices.get(request.deviceId)
    const { changes, device } = await grant(request, by)
    await records.commit([...(waiting ? [remove('device-requests', waiting.requestId)] : []), ...changes])
    announce(request, before)
    return { requestId: request.requestId, device: summaryOf(device) }
  }

  return {
    grant,
    announce,

    async approve (requestId, { caller, via = 'owner' }) {
      const found = pendingRequests.find(requestId)
      if (!found) throw new GatewayError('PAIRING_REQUEST_UNKNOWN')
      return records.inLane(found.deviceId, () => {
        // Another decision may have been faster.
        const request = pendingRequests.find(requestId)
        if (!request) throw new GatewayError('PAIRING_REQUEST_UNKNOWN')
        return settle(request, request, { caller, via })
      })
    },

    admit: (claims, by) => records.inLane(claims.deviceId, () => {
      const known = records.devices.get(claims.deviceId)
      const asked = requestOf({ ...claims, silent: true }, now(), known !== undefined)
      const waiting = pendingRequests.ofDevice(claims.deviceId)
      const answersIt = waiting && String(waiting.roles) === String(asked.roles) && coversScopes(asked.scopes, waiting.scopes)
      return settle(answersIt ? { ...asked, requestId: waiting.requestId } : asked, answersIt ? waiting : undefined, by)
    })
  }
}
