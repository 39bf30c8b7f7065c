/** The bounded memory of the limiter: who failed lately and who is shut out. What it means is decided in limiter.ts. */
import { createOrderedMap } from '../lib/ordered-map.ts'

export interface LedgerLimits {
  /** So many failures inside the window shut a key out. */
  maxAttempts: number
  windowMs: number
  lockoutMs: number
}

export interface LedgerEntry {
  readonly scope: string
  readonly subject: string
  /** When it failed, oldest first; never more than a decision needs. */
  readonly failures: number[]
  lockedAtMs: number
  delayUntilMs: number
}

export interface AttemptLedger {
  /** Milliseconds for which this key is shut out, 0 when it is not. */
  lockedFor: (key: string, limits: LedgerLimits) => number
  lock: (key: string) => void
  /** Adds a failure, keeping the last `keep`; undefined when every place is taken by a lockout. */
  count: (key: string, names: { scope: string, subject: string }, keep: number, limits: LedgerLimits) => LedgerEntry | undefined
  /** How long until a place is free for this key, 0 when there is one. */
  fullFor: (key: string, limits: LedgerLimits) => number
  forget: (key: string) => boolean
  /** Nothing is counted: most of the time, and asked with every request. */
  isEmpty: () => boolean
  entries: (limits: LedgerLimits) => Array<LedgerEntry & { readonly lockedForMs: number }>
  size: (limits: LedgerLimits) => number
}

/**
 * Two maps, both in order of time, so that what has expired always stands in front and every operation costs the same:
 * `open` by last failure, `locked` by the start of the lockout. When all places are taken, the one who failed longest ago
 * among the open ones is forgotten; a lockout never is.
 */
export function createAttemptLedger ({ now, maxKeys }: { now: () => number, maxKeys: number }): AttemptLedger {
  const open = createOrderedMap<string, LedgerEntry>()
  const locked = createOrderedMap<string, LedgerEntry>()

  const lastFailure = (entry: LedgerEntry): number => entry.failures.at(-1) ?? 0
  const lockLeft = (entry: LedgerEntry, limits: LedgerLimits): number => entry.lockedAtMs + limits.lockoutMs - now()

  const dropExpired = (limits: LedgerLimits): void => {
    for (let first = locked.oldest(); first && lockLeft(first.value, limits) <= 0; first = locked.oldest()) locked.delete(first.key)
    const since = now() - limits.windowMs
    for (let first = open.oldest(); first && lastFailure(first.value) <= since; first = open.oldest()) open.delete(first.key)
  }

  const recent = ({ failures }: LedgerEntry, limits: LedgerLimits): number[] => {
    const since = now() - limits.windowMs
    const kept = failures.findIndex(atMs => atMs > since)
    failures.splice(0, kept < 0 ? failures.length : kept)
    return failures
  }

  const lockAt = (key: string, entry: LedgerEntry, atMs: number): void => {
    entry.lockedAtMs = atMs
    open.delete(key)
    locked.set(key, entry)
  }

  const makeRoom = (): boolean => {
    if (open.size() + locked.size() < maxKeys) return true
    const oldest = open.oldest()
    return oldest !== undefined && open.delete(oldest.key)
  }

  return {
    lockedFor (key, limits) {
      dropExpired(limits)
      const counted = open.get(key)
      // Limits that were tightened since the failures were counted hold from the last failure on.
      if (counted && recent(counted, limits).length >= limits.maxAttempts) lockAt(key, counted, lastFailure(counted))
      const entry = locked.get(key)
      if (!entry) return 0
      const left = lockLeft(entry, limits)
      if (left <= 0) locked.delete(key)
      return Math.max(0, left)
    },

    lock (key) {
      const entry = open.get(key)
      if (entry) lockAt(key, entry, now())
    },

    count (key, names, keep, limits) {
      dropExpired(limits)
      const known = open.get(key)
      if (!known && !makeRoom()) return undefined
      const entry = known ?? { ...names, failures: [], lockedAtMs: 0, delayUntilMs: 0 }
      recent(entry, limits).push(now())
      if (entry.failures.length > keep) entry.failures.shift()
      open.set(key, entry)
      return entry
    },

    fullFor (key, limits) {
      if (locked.size() < maxKeys || locked.has(key)) return 0
      const first = locked.oldest()
      return first ? Math.max(1, lockLeft(first.value, limits)) : 0
    },

    isEmpty: () => open.size() + locked.size() === 0,

    forget: key => [open.delete(key), locked.delete(key)].includes(true),

    entries (limits) {
      dropExpired(limits)
      return [
        ...locked.values().map(entry => ({ ...entry, lockedForMs: Math.max(0, lockLeft(entry, limits)) })),
        ...open.values().map(entry => ({ ...entry, lockedForMs: 0 }))
      ]
    },

    size (limits) {
      dropExpired(limits)
      return open.size() + locked.size()
    }
  }
}
