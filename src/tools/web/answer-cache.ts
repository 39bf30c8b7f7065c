/** What was fetched lately, for as long as it may be used again. Bounded by number and by size. */
import { leftUntil } from '../../lib/clock.ts'
const maxEntries = 100
const maxChars = 4_000_000

interface Entry<T> {
  readonly value: T
  readonly untilMs: number
  readonly ttlMs: number
  readonly chars: number
}

export interface AnswerCache<T> {
  get (key: string): T | undefined
  put (key: string, value: T, entry: { readonly ttlMs: number, readonly chars: number }): void
}

export function createAnswerCache<T> (now: () => number): AnswerCache<T> {
  const entries = new Map<string, Entry<T>>()
  let total = 0

  function remove (key: string): void {
    total -= entries.get(key)?.chars ?? 0
    entries.delete(key)
  }

  return {
    get (key) {
      const entry = entries.get(key)
      if (entry && leftUntil(entry.untilMs, entry.ttlMs, now()) > 0) return entry.value
      remove(key)
      return undefined
    },
    put (key, value, { ttlMs, chars }) {
      remove(key)
      if (ttlMs <= 0 || chars > maxChars / 4) return
      entries.set(key, { value, untilMs: now() + ttlMs, ttlMs, chars })
      total += chars
      for (const oldest of entries.keys()) {
        if (entries.size <= maxEntries && total <= maxChars) break
        remove(oldest)
      }
    }
  }
}
