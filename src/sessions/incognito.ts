/** Conversations that leave no trace: in memory, bounded, gone with the process. Everything else is read from the store. */
import { createOrderedMap } from '../lib/ordered-map.ts'
import type { Line, Lines } from '../store/store.ts'

const maxSessions = 64
const maxLines = 1_000

export interface IncognitoLines {
  /** The lines of both worlds. */
  readonly lines: Lines
  append (sessionId: string, lines: readonly Line[]): void
  forget (sessionId: string): void
  /** Called with the ids that had to give way. */
  has (sessionId: string): boolean
}

export function createIncognitoLines (stored: Lines, onDropped: (sessionId: string) => void): IncognitoLines {
  const kept = createOrderedMap<string, Line[]>()

  return {
    lines: {
      async tail<T> (sessionId: string, page: { limit: number, before?: number }) {
        const own = kept.get(sessionId)
        if (!own) return stored.tail<T>(sessionId, page)
        return own.filter(({ seq }) => page.before === undefined || seq < page.before).slice(-page.limit) as Array<Line<T>>
      },
      async after<T> (sessionId: string, page: { seq: number, limit: number }) {
        const own = kept.get(sessionId)
        return own ? own.filter(({ seq }) => seq > page.seq).slice(0, page.limit) as Array<Line<T>> : stored.after<T>(sessionId, page)
      },
      async find<T> (sessionId: string, id: string) {
        const own = kept.get(sessionId)
        return own ? own.find(line => line.id === id) as Line<T> | undefined : stored.find<T>(sessionId, id)
      },
      async extent (sessionId) {
        const own = kept.get(sessionId)
        return own ? { lines: own.length, lastSeq: own.at(-1)?.seq ?? 0, bytes: 0 } : stored.extent(sessionId)
      }
    },
    append (sessionId, lines) {
      const own = [...kept.get(sessionId) ?? [], ...lines].slice(-maxLines)
      kept.set(sessionId, own)
      while (kept.size() > maxSessions) {
        const { key } = kept.oldest()!
        kept.delete(key)
        onDropped(key)
      }
    },
    forget: sessionId => { kept.delete(sessionId) },
    has: sessionId => kept.has(sessionId)
  }
}
