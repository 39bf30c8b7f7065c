/** One request, one effect: answers are kept by (caller, method, key) and given again to whoever repeats the request. */

export interface IdempotencyCache<T> {
  run (scope: { principal: string, method: string, key: string }, work: () => Promise<T>): Promise<T>
  size (): number
}

interface Entry<T> {
  readonly answer: Promise<T>
  settledAtMs?: number
}

export interface IdempotencyOptions {
  now: () => number
  ttlMs?: number
  maxEntries?: number
}

export function createIdempotencyCache<T> ({ now, ttlMs = 300_000, maxEntries = 1000 }: IdempotencyOptions): IdempotencyCache<T> {
  const entries = new Map<string, Entry<T>>()

  /** The oldest finished answers make room; requests that are under way are never forgotten. */
  function makeRoom (): void {
    for (const [key, entry] of entries) {
      if (entry.settledAtMs === undefined) continue
      if (entries.size >= maxEntries || now() - entry.settledAtMs > ttlMs) entries.delete(key)
      else return
    }
  }

  return {
    run ({ principal, method, key }, work) {
      const name = JSON.stringify([principal, method, key])
      const known = entries.get(name)
      if (known && (known.settledAtMs === undefined || now() - known.settledAtMs <= ttlMs)) return known.answer
      makeRoom()
      const entry: Entry<T> = { answer: work() }
      entries.delete(name)
      entries.set(name, entry)
      entry.answer.then(() => { entry.settledAtMs = now() }, () => { entries.delete(name) })
      return entry.answer
    },
    size: () => entries.size
  }
}
