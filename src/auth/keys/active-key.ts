/** One key while the gateway runs: what its record says now, and what counts only in this process. */
import { createCidrMatcher } from '../../lib/net-address.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { CallerKey, RequestsLeft, Used } from './caller-key.ts'
import type { KeyRecord } from './record.ts'

const minuteMs = 60_000

/** `*` at the end of a pattern stands for any rest. */
const fits = (pattern: string, text: string): boolean =>
  pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : pattern === text

function fitsRoute (pattern: string, httpMethod: string, route: string): boolean {
  const [first = '', second] = pattern.split(' ')
  if (second === undefined) return fits(first, route)
  // Who may read a route may ask for its head.
  return (first === httpMethod || (first === 'GET' && httpMethod === 'HEAD')) && fits(second, route)
}

/** Where what keys use is written down. */
export interface Ledger {
  check (key: ActiveKey): void
  book (id: string, used: Used): void
}

export class ActiveKey implements CallerKey {
  readonly id: string
  agents: ReadonlySet<string> | undefined = undefined
  /** Runs under way that it began. */
  runs = 0
  lastUsedAtMs = 0
  /** The secret whose end has been seen to. */
  over = ''
  private stored: KeyRecord
  private fitsAddress: ((address: string | undefined) => boolean) | undefined = undefined
  /** Requests that may come at once; it fills up evenly within a minute. */
  private bucket = 0
  private filledAtMs = 0
  private readonly now: () => number
  private readonly ledger: Ledger
  private readonly listeners = new Map<() => void, string | undefined>()

  constructor (record: KeyRecord, now: () => number, ledger: Ledger) {
    this.ledger = ledger
    this.id = record.id
    this.now = now
    this.stored = record
    this.follow(record)
    this.bucket = record.limits.requestsPerMinute ?? 0
    this.filledAtMs = now()
  }

  get record (): KeyRecord { return this.stored }
  get name (): string { return this.stored.name }
  get ownSessionsOnly (): boolean { return this.stored.ownSessionsOnly }

  /** What its record says has changed. */
  follow (record: KeyRecord): void {
    this.stored = record
    this.agents = record.agents && new Set(record.agents)
    this.fitsAddress = record.addresses && createCidrMatcher(record.addresses)
  }

  mayComeFrom (address: string): boolean {
    return this.fitsAddress?.(address) ?? true
  }

  private get namesDoors (): boolean {
    return this.stored.methods !== undefined || this.stored.routes !== undefined
  }

  mayCall (method: string): boolean {
    return !this.namesDoors || this.stored.methods?.some(pattern => fits(pattern, method)) === true
  }

  mayEnter (httpMethod: string, route: string): boolean {
    return !this.namesDoors || this.stored.routes?.some(pattern => fitsRoute(pattern, httpMethod, route)) === true
  }

  mayConnect (): boolean {
    return !this.namesDoors || (this.stored.methods ?? []).length > 0
  }

  isInForce (): boolean {
    const { revokedAtMs, expiresAtMs } = this.stored
    return revokedAtMs === undefined && (expiresAtMs === undefined || this.now() < expiresAtMs)
  }

  takeRequest (): RequestsLeft | undefined {
    const limit = this.stored.limits.requestsPerMinute
    const now = this.now()
    this.lastUsedAtMs = now
    if (limit === undefined) return undefined
    this.bucket = Math.min(limit, this.bucket + Math.max(0, now - this.filledAtMs) * limit / minuteMs)
    this.filledAtMs = now
    if (this.bucket < 1) {
      throw new GatewayError('KEY_RATE_LIMITED', {
        message: `API key "${this.name}" may send ${limit} requests in a minute`,
        details: { limit, remaining: 0 },
        retryAfterMs: Math.ceil((1 - this.bucket) * minuteMs / limit)
      })
    }
    this.bucket--
    return { limit, remaining: Math.floor(this.bucket), resetMs: Math.ceil((limit - this.bucket) * minuteMs / limit) }
  }

  mayUseMore (): void {
    this.ledger.check(this)
  }

  charge (used: Used): void {
    this.ledger.book(this.id, used)
  }

  whenEnded (listener: () => void, tokenHash?: string): () => void {
    this.listeners.set(listener, tokenHash)
    return () => { this.listeners.delete(listener) }
  }

  /** Ends what it opened; with a hash, what was opened with that secret. */
  end (tokenHash?: string): void {
    for (const [listener, hash] of [...this.listeners]) {
      if (tokenHash !== undefined && hash !== tokenHash) continue
      this.listeners.delete(listener)
      listener()
    }
  }
}
