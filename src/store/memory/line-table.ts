import type { Line, Lines } from '../store.ts'

interface StoredLine { seq: number, id: string, text: string }

/** Each change returns how to take it back. */
export interface LineTable {
  append (sessionId: string, seq: number, id: string, text: string): () => void
  forget (sessionId: string): () => void
  readonly reads: Lines
}

const byteLength = (text: string): number => Buffer.byteLength(text)

export function createLineTable (): LineTable {
  /** By session id; the lines of each in the order of their places. */
  const sessions = new Map<string, StoredLine[]>()
  const linesOf = (sessionId: string): readonly StoredLine[] => sessions.get(sessionId) ?? []
  const parsed = <T>({ seq, id, text }: StoredLine): Line<T> => ({ seq, id, value: JSON.parse(text) })

  return {
    append (sessionId, seq, id, text) {
      const lines = sessions.get(sessionId) ?? []
      const index = lines.findLastIndex(line => line.seq <= seq) + 1
      if (lines[index - 1]?.seq === seq) throw new Error(`place ${seq} of conversation ${sessionId} is taken`)
      lines.splice(index, 0, { seq, id, text })
      sessions.set(sessionId, lines)
      return () => { lines.splice(index, 1) }
    },
    forget (sessionId) {
      const lines = sessions.get(sessionId)
      sessions.delete(sessionId)
      return () => { if (lines) sessions.set(sessionId, lines) }
    },
    reads: {
      async tail<T> (sessionId: string, { limit, before = Infinity }: { limit: number, before?: number }) {
        const earlier = linesOf(sessionId).filter(({ seq }) => seq < before)
        return earlier.slice(Math.max(0, earlier.length - limit)).map(line => parsed<T>(line))
      },
      async after<T> (sessionId: string, { seq: place, limit }: { seq: number, limit: number }) {
        return linesOf(sessionId).filter(({ seq }) => seq > place).slice(0, limit).map(line => parsed<T>(line))
      },
      async find<T> (sessionId: string, id: string) {
        const found = linesOf(sessionId).find(line => line.id === id)
        return found && parsed<T>(found)
      },
      async extent (sessionId) {
        const lines = linesOf(sessionId)
        return { lines: lines.length, lastSeq: lines.at(-1)?.seq ?? 0, bytes: lines.reduce((sum, { text }) => sum + byteLength(text), 0) }
      }
    }
  }
}
