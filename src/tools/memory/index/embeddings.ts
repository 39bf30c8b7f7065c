/** Which texts have no vector yet, and those that came. */
import type { Index } from './database.ts'
import { storedVector } from './vectors.ts'

export interface PendingText {
  /** In hexadecimal. */
  readonly hash: string
  readonly text: string
}

export interface Arrived {
  readonly hash: string
  readonly vector: Float32Array
}

/** Of one request: what is parsed on the event loop, and what a server takes. */
const maxBatchChars = 40_000

const missing = 'FROM chunks c WHERE NOT EXISTS (SELECT 1 FROM vectors v WHERE v.model = ? AND v.hash = c.hash)'

export function pendingTexts (index: Index, model: string, most: number): PendingText[] {
  const rows = index.statement(`SELECT c.hash AS hash, c.text AS text ${missing} LIMIT ?`).all(model, most) as unknown as Array<{ hash: Uint8Array, text: string }>
  const texts = new Map(rows.map(({ hash, text }) => [Buffer.from(hash).toString('hex'), text]))
  let chars = 0
  return [...texts].filter(([, text], at) => (chars += text.length) <= maxBatchChars || at === 0).map(([hash, text]) => ({ hash, text }))
}

export const countPending = (index: Index, model: string): number => Number(index.statement(`SELECT count(DISTINCT c.hash) AS n ${missing}`).get(model)!['n'])

export function keepVectors (index: Index, model: string, arrived: readonly Arrived[]): void {
  index.atOnce(() => {
    for (const { hash, vector } of arrived) {
      const { bytes, norm } = storedVector(vector)
      index.statement('INSERT OR REPLACE INTO vectors (model, hash, norm, vector) VALUES (?, ?, ?, ?)').run(model, Buffer.from(hash, 'hex'), norm, bytes)
    }
  })
}

/** Lets go of the oldest that belong to no text of now. */
export function pruneVectors (index: Index, model: string, most: number): void {
  index.statement(`DELETE FROM vectors WHERE id IN (
    SELECT v.id FROM vectors v WHERE v.model <> ? OR NOT EXISTS (SELECT 1 FROM chunks c WHERE c.hash = v.hash)
    ORDER BY v.id DESC LIMIT -1 OFFSET ?)`).run(model, most)
}
