import type { Role } from '../../protocol/client-info.ts'
import { coversScopes, expandScopes, normalizeTokenScopes, type Scope } from '../../protocol/scopes.ts'
import type { Assessment, DeviceClaims, DeviceToken, NeedsApprovalReason, PairedDevice } from './types.ts'
import { metadataChanged } from './metadata.ts'

/** A role counts from its approval until its token is revoked; a device that was paired before there were tokens has no token yet. */
export const hasRole = (device: PairedDevice, role: Role): boolean =>
  device.roles.includes(role) && device.tokens[role]?.revokedAtMs === undefined

export const isRevoked = (device: PairedDevice | undefined, role: Role): boolean => device?.tokens[role]?.revokedAtMs !== undefined

export const effectiveRoles = (device: PairedDevice): Role[] => device.roles.filter(role => hasRole(device, role))

export const activeToken = (device: PairedDevice, role: Role): DeviceToken | undefined => {
  const token = device.tokens[role]
  return token && token.revokedAtMs === undefined && token.tokenHash !== '' ? token : undefined
}

/** Scopes belong to operators; a node has none, whatever it asks for. */
export const scopesOf = (role: Role, scopes: readonly Scope[]): Scope[] => role === 'operator' ? [...new Set(scopes)] : []

export interface Authority {
  roles: Role[]
  scopes: Scope[]
}

/**
 * What a device holds after a request was granted. The old authority is kept under the same key only, and a role that was
 * revoked does not bring its scopes back.
 */
export function grantedAuthority (device: PairedDevice | undefined, request: { publicKey: string } & Authority): Authority {
  const kept = device && device.publicKey === request.publicKey ? effectiveRoles(device) : []
  const roles = [...new Set([...kept, ...request.roles])]
  const before = kept.includes('operator') ? device!.scopes : []
  const asked = request.roles.includes('operator') ? request.scopes : []
  return { roles, scopes: roles.includes('operator') ? [...new Set([...before, ...asked])] : [] }
}

export const tokenScopes = (role: Role, scopes: readonly Scope[]): Scope[] => role === 'operator' ? normalizeTokenScopes(scopes) : []

export function coveredOf (granted: readonly Scope[], requested: readonly Scope[]): { covered: Scope[], surplus: Scope[] } {
  const all = expandScopes(granted)
  return { covered: requested.filter(scope => all.has(scope)), surplus: requested.filter(scope => !all.has(scope)) }
}

/** Whether a device may connect as it asks, or what must be approved first. Looks at records only. */
export function assess (device: PairedDevice | undefined, claims: DeviceClaims): Assessment {
  if (!device || device.publicKey !== claims.publicKey) return { state: 'needs-approval', reason: 'not-paired' }
  const reason = missing(device, claims)
  if (!reason) return { state: 'ok', platform: device.platform ?? claims.platform, deviceFamily: device.deviceFamily ?? claims.deviceFamily }
  return {
    state: 'needs-approval',
    reason,
    approvedRoles: effectiveRoles(device),
    approvedScopes: hasRole(device, 'operator') ? [...device.scopes] : [],
    ...(isRevoked(device, claims.role) ? { revoked: true } : {})
  }
}

function missing (device: PairedDevice, claims: DeviceClaims): NeedsApprovalReason | undefined {
  if (!hasRole(device, claims.role)) return 'role-upgrade'
  if (!coversScopes(device.scopes, scopesOf(claims.role, claims.scopes))) return 'scope-upgrade'
  if (metadataChanged(device, claims)) return 'metadata-upgrade'
  return undefined
}
