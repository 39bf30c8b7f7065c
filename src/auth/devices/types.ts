/** What the gateway knows about devices. Times are milliseconds since 1970 on the gateway's clock. */
import type { Role } from '../../protocol/client-info.ts'
import type { Scope } from '../../protocol/scopes.ts'
import type { Store } from '../../store/store.ts'

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
  /** The token before a rotation, good for signed connects until the new one was used or the time is over. */
  previous?: { tokenHash: string, untilMs: number }
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

export type SetupProfile = 'limited' | 'full' | 'node' | 'voice-node' | 'cloud-worker' | 'owner'
export type SetupAccess = 'full' | 'limited' | 'node'

export interface SetupRecord {
  setupId: string
  tokenHash: string
  profile: SetupProfile
  roles: Role[]
  scopes: Scope[]
  url: string
  issuedBy: string
  createdAtMs: number
  expiresAtMs: number
  /** The first device that used the code owns it. */
  boundDeviceId?: string
  boundPublicKey?: string
  deviceName?: string
  boundAtMs?: number
  completedAtMs?: number
  revokedAtMs?: number
}

export interface SetupCode {
  setupId: string
  /** base64url JSON of `{url, bootstrapToken, expiresAtMs}` */
  setupCode: string
  /** `oc-pair://<setupCode>` */
  link: string
  bootstrapToken: string
  gatewayUrl: string
  access: SetupAccess
  expiresAtMs: number
}

export interface RedeemRequest {
  token: string
  deviceId: string
  publicKey: string
  role: Role
  scopes: readonly Scope[]
  client: { id: string, mode: string, platform?: string, deviceFamily?: string, displayName?: string }
  remoteAddress?: string
}

export type RedeemVerdict =
  /** The token of the requested role comes first, then those of the other roles of the code. */
  | { ok: true, setupId: string, scopes: Scope[], tokens: DeliveredToken[], tokenHash: string }
  | { ok: false, reason: 'bootstrap-token-invalid' }

export interface SetupOutcome {
  setupId: string
  deviceId: string
  deviceName?: string
  access: SetupAccess
  ts: number
}

export interface SetupStatus {
  completion?: SetupOutcome
  deliveryUncertain?: SetupOutcome
}

/** What a node says it can do. */
export interface NodeSurface {
  caps: string[]
  commands: string[]
  permissions?: { [name: string]: boolean }
}

export interface NodeDeclaration extends NodeSurface {
  nodeId: string
  clientId?: string
  clientMode?: string
  displayName?: string
  platform?: string
  version?: string
  deviceFamily?: string
}

/** The shape is that of the `node.pair.requested` event. */
export interface PendingNodeSurface extends NodeDeclaration {
  requestId: string
  requiredApproveScopes: Scope[]
  silent?: boolean
  ts: number
}

export interface ApprovedNodeSurface extends NodeDeclaration {
  createdAtMs: number
  approvedAtMs: number
  approvedBy?: string
}

export interface NodeSummary extends ApprovedNodeSurface {
  lastSeenAtMs?: number
  lastSeenReason?: string
}

export interface NodeSurfaceRecord {
  nodeId: string
  approved?: ApprovedNodeSurface
  pending?: PendingNodeSurface
}

export interface NodePairList {
  pending: PendingNodeSurface[]
  paired: NodeSummary[]
}

export interface DeviceSettings {
  maxPending: number
  maxPendingPerAddress: number
  /** A paired device asks for more: `pending` refuses the token, `connect` takes it for what it covers. */
  scopeSurplus: 'pending' | 'connect'
}

export type DeviceEvent =
  'device.pair.requested' | 'device.pair.resolved' | 'device.pair.changed' | 'device.pair.setup.completed' |
  'node.pair.requested' | 'node.pair.resolved'

/** Whose sockets must end. */
export interface InvalidationTarget {
  deviceId: string
  role?: Role
  tokenHash?: string
}

export interface DevicesOptions {
  store: Store
  now: () => number
  settings: () => DeviceSettings
  /** Called after the change is durable. */
  emit: (event: DeviceEvent, payload: object) => void
  /** Called after the change is durable and before the method that made it returns its result. */
  invalidate: (target: InvalidationTarget, reason: string) => void
  /** Where `keys/device-tokens.key` lives. Without it the key is made anew for each process (tests, memory store). */
  stateDir?: string
  /** Something happened to the stored data that a person should know. */
  notice?: (text: string) => void
  isConnected?: (deviceId: string) => boolean
  /** The shared secret in force: tokens that were got through another one are stale. */
  currentIssuer?: () => TokenIssuer | undefined
}

export interface DeviceStats {
  paired: number
  pending: number
  setupCodes: number
  nodeSurfaces: number
  liveTokens: number
  unsavedSightings: number
}

export interface DeviceDecision {
  requestId: string
  device: DeviceSummary
}

export interface Devices {
  get (deviceId: string): PairedDevice | undefined
  isPaired (deviceId: string, publicKey: string): boolean
  /** What this caller may see: a device token without admin rights sees its own device. */
  list (caller: DeviceCaller, connectedIds: ReadonlySet<string>): DevicePairList
  listPending (): PendingRequest[]
  listPaired (connectedIds: ReadonlySet<string>): DeviceSummary[]
  assess (claims: DeviceClaims): Assessment
  /** Ask this again after the last `await` of a handshake: false when the authority ended meanwhile. */
  stillAuthorized (target: { deviceId: string, publicKey: string, role: Role, tokenHash?: string }): boolean

  /** Files a request, or finds the one that already says the same. A silent one is not announced. */
  request (claims: DeviceClaims & { remoteAddress?: string, silent?: boolean }): Promise<PendingRequest>
  approve (requestId: string, by: { caller: DeviceCaller, via?: ApprovalOrigin }): Promise<DeviceDecision>
  /** Pairs or upgrades a device without a pending request in between: one durable change, announced as resolved. */
  admit (claims: DeviceClaims & { remoteAddress?: string }, by: { caller: DeviceCaller, via: ApprovalOrigin }): Promise<DeviceDecision>
  reject (requestId: string, by: { caller: DeviceCaller }): Promise<{ requestId: string, deviceId: string }>
  remove (deviceId: string, by: { caller: DeviceCaller }): Promise<{ deviceId: string }>
  rename (deviceId: string, label: string, by: { caller: DeviceCaller }): Promise<{ deviceId: string, label: string }>

  issueToken (grant: { deviceId: string, role: Role, scopes: readonly Scope[], issuer?: TokenIssuer }): Promise<IssuedToken>
  verifyToken (check: TokenCheck): TokenVerdict
  /** A device's operator token as an HTTP bearer. The token before a rotation is not accepted here. */
  verifyBearer (token: string): BearerVerdict | undefined
  rotate (request: { deviceId: string, role: string, scopes?: readonly string[] }, by: { caller: DeviceCaller }): Promise<RotateResult>
  revoke (request: { deviceId: string, role: string }, by: { caller: DeviceCaller }): Promise<RevokeResult>
  /** Notes that a device was here. Saved later, in one go. */
  touch (deviceId: string, reason: string, address?: string): void

  createSetupCode (request: { profile: SetupProfile, url: string, caller: DeviceCaller }): Promise<SetupCode>
  redeem (request: RedeemRequest): Promise<RedeemVerdict>
  /** The device has its tokens: the code is used up. */
  completeSetup (setupId: string): Promise<void>
  setupStatus (setupId: string): SetupStatus
  /** True when there was something left to revoke. */
  revokeSetupCode (setupId: string, by: { caller: DeviceCaller }): Promise<boolean>

  /** Compares what a connected node declares with what was approved; returns what is in force. */
  declareSurface (declaration: NodeDeclaration): Promise<{ effective: NodeSurface, pending?: PendingNodeSurface }>
  /** What is in force for a node that declared this. */
  effectiveSurface (nodeId: string, declared: NodeSurface): NodeSurface
  nodePairList (caller?: DeviceCaller): NodePairList
  nodeApprove (requestId: string, by: { caller: DeviceCaller }): Promise<{ requestId: string, node: NodeSummary }>
  nodeReject (requestId: string, by: { caller: DeviceCaller }): Promise<{ requestId: string, nodeId: string }>
  nodeRemove (nodeId: string, by: { caller: DeviceCaller }): Promise<{ nodeId: string }>
  nodeRename (nodeId: string, displayName: string, by: { caller: DeviceCaller }): Promise<{ nodeId: string, displayName: string }>

  stats (): DeviceStats
  /** Saves what is still unsaved. The store stays open. */
  close (): Promise<void>
}
