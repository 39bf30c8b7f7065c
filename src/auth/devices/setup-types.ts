/** Setup codes: one use, one device, rights fixed when they are made. */
import type { Role } from '../../protocol/client-info.ts'
import type { Scope } from '../../protocol/scopes.ts'
import type { DeliveredToken } from './types.ts'

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
