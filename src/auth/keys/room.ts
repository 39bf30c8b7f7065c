/** What this room offers and what it needs. */
import type { Usage } from '../../protocol/transcript.ts'
import type { Store, StoreOp } from '../../store/store.ts'
import type { Scope } from '../../protocol/scopes.ts'
import type { Caller } from '../caller.ts'
import type { CallerKey } from './caller-key.ts'
import type { KeyRecord, KeyRules, KeyUsage } from './record.ts'

export interface KeysOptions {
  readonly store: Store
  readonly now: () => number
  /** Ends the connections of callers; called after the change is durable. */
  readonly disconnect: (matches: (caller: Pick<Caller, 'key' | 'tokenHash'>) => boolean, code: number, reason: string) => void
  /** Something happened to the stored data that a person should know. */
  readonly notice?: (text: string) => void
}

export interface KeyOrder extends Partial<Omit<KeyRules, 'limits'>> {
  readonly name: string
  readonly limits?: KeyRules['limits']
  readonly expiresAtMs?: number
}

/** A key as lists show it: without its hash. */
export interface KeySummary extends Omit<KeyRecord, 'tokenHash' | 'previous'> {
  readonly status: 'active' | 'expired' | 'revoked'
  readonly lastUsedAtMs?: number
  /** Until when the secret before the last rotation is good, too. */
  readonly previousUntilMs?: number
  readonly today: Pick<KeyUsage, 'day' | 'tokens' | 'costUsd' | 'runs'> & { readonly runsUnderWay: number }
}

/** `secret` is the key itself. This is the only time that it is seen. */
export interface IssuedKey {
  readonly key: KeySummary
  readonly secret: string
}

export interface ProvenKey {
  readonly principal: string
  readonly key: CallerKey
  readonly scopes: readonly Scope[]
  readonly tokenHash: string
  /** False when it was revoked, rotated or has expired since. */
  isInForce (): boolean
}

export interface Keys {
  /** Throws AUTH_KEY_UNKNOWN, AUTH_KEY_REVOKED, AUTH_KEY_EXPIRED, and KEY_NOT_ALLOWED for a place that it may not come from. */
  prove (tokenHash: string, address: string): ProvenKey
  list (): KeySummary[]
  /** By name or id. Of revoked ones the last with this name. */
  get (name: string): KeySummary
  create (order: KeyOrder, by: string): Promise<IssuedKey>
  /** Another secret for the same key; the one before is good for `graceMs` more. */
  rotate (name: string, graceMs: number): Promise<IssuedKey>
  revoke (name: string): Promise<KeySummary>
  /** Takes a place for a run. Throws KEY_BUDGET_SPENT, and KEY_RUNS_EXCEEDED for those that count. Returns how to give it back. */
  beginRun (keyId: string, how: { readonly counts: boolean }): () => void
  /** What a run has used. Returns what is to be stored together with its end. */
  book (keyId: string, usage: Usage | undefined): () => StoreOp[]
  /** Stores soon what a key has used. */
  save (keyId: string): void
  close (): Promise<void>
}
