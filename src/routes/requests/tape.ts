/** What was told of a request, numbered, for those who listen and those who come back: the newest of it, within a bound. */
import type { Telling } from './narration.ts'

type Listener = (id: number, telling: Telling) => void

export interface Tape {
  tell (telling: Telling): void
  /** Nothing comes after what was told. */
  end (): void
  follow (listener: Listener, lastId?: number): () => void
  count (): number
  lastAtMs (): number | undefined
  chars (): number
}

const maxChars = 512 * 1024

const charsOf = ({ data: { delta, reply } }: Telling): number =>
  100 + (typeof delta === 'string' ? delta.length : 0) + (typeof reply === 'string' ? reply.length : 0)

export function createTape (now: () => number): Tape {
  const kept: Telling[] = []
  const listeners = new Set<Listener>()
  let count = 0
  let chars = 0
  let lastAtMs: number | undefined

  return {
    tell (telling) {
      count++
      lastAtMs = now()
      kept.push(telling)
      chars += charsOf(telling)
      while (chars > maxChars && kept.length > 1) chars -= charsOf(kept.shift()!)
      for (const listener of listeners) listener(count, telling)
    },
    end: () => listeners.clear(),
    follow (listener, lastId = 0) {
      const firstId = count - kept.length + 1
      for (const [index, telling] of kept.entries()) if (firstId + index > lastId) listener(firstId + index, telling)
      listeners.add(listener)
      return () => { listeners.delete(listener) }
    },
    count: () => count,
    lastAtMs: () => lastAtMs,
    chars: () => chars
  }
}
