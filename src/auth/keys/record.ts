import type { Scope } from '../../protocol/scopes.ts'
import { knownScopes } from '../../protocol/scopes.ts'
import { storedUnder } from '../devices/stored-shape.ts'

export interface KeyLimits {
  readonly requestsPerMinute?: number
  readonly concurrentRuns?: number
  readonly tokensPerDay?: number
  readonly spendPerDayUsd?: number
}

/** What a key opens. A list that is absent limits nothing. */
export interface KeyRules {
  readonly scopes: readonly Scope[]
  readonly ownSessionsOnly: boolean
  readonly agents?: readonly string[]
  /** RPC methods, `chat.*` for all of a family. With `methods` or `routes` nothing is open but what they name. */
  readonly methods?: readonly string[]
  /** HTTP routes, with or without a method in front: `POST /v1/chat/completions`, `/v1/*`. */
  readonly routes?: readonly string[]
  /** Addresses and CIDR ranges from which it may come. */
  readonly addresses?: readonly string[]
  readonly limits: KeyLimits
}

/** An API key as the store keeps it. Times are milliseconds since 1970 on the gateway's clock. */
export interface KeyRecord extends KeyRules {
  /** Names what belongs to the key, for ever: rotation keeps it, and nobody gets it a second time. */
  readonly id: string
  readonly name: string
  /** SHA-256 of the key, which stands nowhere. */
  readonly tokenHash: string
  readonly hint: string
  /** The one before the last rotation, and until when it is good, too. */
  readonly previous?: { readonly tokenHash: string, readonly untilMs: number }
  readonly createdAtMs: number
  readonly createdBy: string
  readonly expiresAtMs?: number
  readonly rotatedAtMs?: number
  readonly revokedAtMs?: number
}

/** What a key has used on one day (UTC), and when it last came. */
export interface KeyUsage {
  readonly id: string
  readonly day: string
  readonly tokens: number
  readonly costUsd: number
  readonly runs: number
  readonly lastUsedAtMs?: number
}

/** What cannot be understood opens nothing. */
export function storedKey (key: string, value: unknown): KeyRecord | undefined {
  const record = storedUnder<KeyRecord>('id', key, value)
  if (!record || typeof record.name !== 'string' || typeof record.tokenHash !== 'string' || !Array.isArray(record.scopes)) return undefined
  return { ...record, scopes: knownScopes(record.scopes), ownSessionsOnly: record.ownSessionsOnly !== false, limits: record.limits ?? {} }
}

export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
export const endOfDay = (ms: number): number => Date.parse(dayOf(ms)) + 86_400_000
