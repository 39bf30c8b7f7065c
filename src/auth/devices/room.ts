/** What this room offers and what it needs. */
import type { Role } from '../../protocol/client-info.ts'
import type { Scope } from '../../protocol/scopes.ts'
import type { Store } from '../../store/store.ts'
import type { NodeSurface, NodeDeclaration, PendingNodeSurface, NodeSummary, NodePairList } from './node-types.ts'
import type { SetupProfile, SetupCode, RedeemRequest, RedeemVerdict, SetupStatus } from './setup-types.ts'
import type {
  ApprovalOrigin, TokenIssuer, PairedDevice, DeviceClaims, PendingRequest, DeviceSummary, DevicePairList, Assessment, DeviceCaller,
  IssuedToken, TokenCheck, TokenVerdict, BearerVerdict, RotateResult, RevokeResult
} from './types.ts'

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
  verifyBearer (token: string, tokenHash?: string): BearerVerdict | undefined
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
