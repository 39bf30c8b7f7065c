/** What the gateway knows about devices. Times are milliseconds since 1970 on the gateway's clock. */
import type { Role } from '../../protocol/client-info.ts'
import type { Scope } from '../../protocol/scopes.ts'

/** How a device came to be trusted. `owner` and `bootstrap` are never weakened by an automatic approval. */
export type ApprovalOrigin = 'owner' | 'silent' | 'trusted-cidr' | 'ssh-verified' | 'bootstrap' | 'trusted-proxy'

/** The shared secret through which a browser got its token: when the secret changes, the token ends with it. */
export interface TokenIssuer {
  kind: 'shared-gateway-auth'
  generation: string
}

export interface DeviceToken {
  /** Names the token; the token itself is derived from it and kept nowhere. Empty when only the revocation is known. */
  id: string
  /** Empty when only the revocation is known. */
  tokenHash: string
  role: Role
  scopes: Scope[]
  issuer?: TokenIssuer
  createdAtMs: number
  rotatedAtMs?: number
  revokedAtMs?: number
  lastUsedAtMs?: number
  /** Tokens before a rotation, good for signed connects until the new one was used or the time is over. */
  previous?: Array<{ tokenHash: string, untilMs: number }>
}

export interface PairedDevice {
  deviceId: string
  publicKey: string
  displayName?: string
  /** Pinned at approval; the node command policy follows these, not what a connect says. */
  platform?: string
  deviceFamily?: string
  clientId?: string
  clientMode?: string
  browserOrigin?: string
  /** The role asked for last. */
  role: Role
  roles: Role[]
  /** Approved operator scopes, in the order in which they were asked for. */
  scopes: Scope[]
  remoteIp?: string
  approvedVia: ApprovalOrigin
  approvedBy?: string
  createdAtMs: number
  approvedAtMs: number
  lastSeenAtMs?: number
  lastSeenReason?: string
  lastIp?: string
  operatorLabel?: string
  tokens: { [role in Role]?: DeviceToken }
}

/** What a connect says about its device, after the signature was verified. */
export interface DeviceClaims {
  deviceId: string
  /** Raw key, base64url without padding. */
  publicKey: string
  role: Role
  scopes: readonly Scope[]
  platform?: string
  deviceFamily?: string
  clientId: string
  clientMode: string
  displayName?: string
  browserOrigin?: string
}

/** The shape is that of the `device.pair.requested` event. */
export interface PendingRequest {
  requestId: string
  deviceId: string
  publicKey: string
  displayName?: string
  platform?: string
  deviceFamily?: string
  clientId?: string
  clientMode?: string
  browserOrigin?: string
  role: Role
  roles: Role[]
  scopes: Scope[]
  remoteIp?: string
  silent: boolean
  /** True when the device is already known: an upgrade, or a new key. */
  isRepair: boolean
  ts: number
}

export interface TokenSummary {
  role: Role
  scopes: Scope[]
  createdAtMs: number
  rotatedAtMs?: number
  revokedAtMs?: number
  lastUsedAtMs?: number
}

/** A device as listings and results show it: without tokens and hashes. */
export interface DeviceSummary extends Omit<PairedDevice, 'tokens'> {
  tokens: TokenSummary[]
  connected?: boolean
}

export interface DevicePairList {
  pending: PendingRequest[]
  paired: DeviceSummary[]
}

export type NeedsApprovalReason = 'not-paired' | 'role-upgrade' | 'scope-upgrade' | 'metadata-upgrade'

export type Assessment =
  /** The pinned platform and family stand for what the connect says. */
  | { state: 'ok', platform?: string, deviceFamily?: string }
  | {
    state: 'needs-approval'
    reason: NeedsApprovalReason
    approvedRoles?: Role[]
    approvedScopes?: Scope[]
    /** The role was taken away from this device: no automatic approval may give it back. */
    revoked?: true
  }

/** Who asks for a change. */
export interface DeviceCaller {
  scopes: ReadonlySet<Scope>
  /** The device whose own device token authenticated the caller. Absent for shared secrets, proxies and the local administrator. */
  deviceId?: string
  /** Written down as `approvedBy` / `issuedBy`. */
  label: string
  admin: boolean
  /** A command on the gateway host: always allowed, so that nobody waits for himself. */
  localAdministrator?: boolean
}

export interface IssuedToken {
  /** Absent when a new token is due and the disk takes none: what the device has goes on working. */
  token?: string
  record: DeviceToken
}

/** A token on its way to its device. */
export interface DeliveredToken {
  deviceToken: string
  role: Role
  scopes: Scope[]
  issuedAtMs: number
}

export type TokenRefusal =
  'device-not-paired' | 'role-missing' | 'token-missing' | 'token-revoked' | 'token-mismatch' |
  'issuer-generation-stale' | 'legacy-browser-token' | 'scope-mismatch'

export interface TokenCheck {
  deviceId: string
  publicKey: string
  role: Role
  token: string
  scopes: readonly Scope[]
  /** The client runs in a browser page: without an issuer its token is of the old kind. */
  browser?: boolean
  /** The shared secret in force; absent, what `currentIssuer` of the options says. */
  currentIssuer?: TokenIssuer
}

export type TokenVerdict =
  /** `surplus` holds what was asked for beyond the token; it is empty unless `scopeSurplus` is `connect`. */
  | { ok: true, record: DeviceToken, grantedScopes: Scope[], surplus: Scope[] }
  | { ok: false, reason: TokenRefusal }

export interface BearerVerdict {
  deviceId: string
  tokenHash: string
  scopes: Scope[]
}

export interface RotateResult {
  deviceId: string
  role: Role
  token?: string
  scopes: Scope[]
  rotatedAtMs: number
  tokenDelivery: 'in-band' | 'withheld-cross-device'
}

export interface RevokeResult {
  deviceId: string
  role: Role
  revokedAtMs: number
}

export type * from './node-types.ts'
export type * from './room.ts'
export type * from './setup-types.ts'
