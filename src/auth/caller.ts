import type { Role } from '../protocol/client-info.ts'
import { expandScopes, fullOperatorScopes, type Scope } from '../protocol/scopes.ts'
import type { CallerKey } from './keys/caller-key.ts'

/** How a caller proved who it is. */
export type AuthMethod = 'token' | 'password' | 'none' | 'trusted-proxy' | 'tailscale' | 'device-token' | 'bootstrap-token' |
  'local-admin' | 'api-key'

/** Who is asking: the same for a WebSocket connection and an HTTP request. Everything here comes from credentials and records. */
export interface Caller {
  /** Stable name of whoever holds the credential; idempotency keys and budgets belong to it. */
  readonly principal: string
  readonly method: AuthMethod
  readonly role: Role
  /** As granted, in the order asked for. */
  readonly scopes: readonly Scope[]
  /** The same with everything they include. */
  readonly allows: ReadonlySet<Scope>
  /** Holds the gateway itself: the shared secret, or admin rights. */
  readonly owner: boolean
  readonly deviceId?: string
  /** The issued token this connection stands on; it ends with the token. */
  readonly tokenHash?: string
  /** The API key that a program came with, and what it is limited to. */
  readonly key?: CallerKey
  readonly user?: string
  readonly address: string
  readonly local: boolean
}

export interface CallerFacts {
  principal: string
  method: AuthMethod
  role?: Role
  scopes: readonly Scope[]
  deviceId?: string
  tokenHash?: string
  key?: CallerKey
  user?: string
  address: string
  local: boolean
}

/** What most callers hold. */
const fullRights: ReadonlySet<Scope> = expandScopes(fullOperatorScopes)

export function createCaller (facts: CallerFacts): Caller {
  const allows = facts.scopes === fullOperatorScopes ? fullRights : expandScopes(facts.scopes)
  return { role: 'operator', ...facts, allows, owner: allows.has('operator.admin') }
}

/** Whoever knows the shared secret of the gateway is its operator. */
export const sharedSecretCaller = (method: AuthMethod, where: { address: string, local: boolean }): Caller =>
  createCaller({ principal: method === 'local-admin' ? 'local-admin' : 'shared-secret', method, scopes: fullOperatorScopes, ...where })
