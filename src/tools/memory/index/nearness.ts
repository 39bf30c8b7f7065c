/** How near every piece is to a question by its meaning. */
import type { Index } from './database.ts'
import { longTerm } from './found-files.ts'
import { cosine, lengthOf } from './vectors.ts'

interface Kept { readonly id: number, readonly path: string, readonly norm: number, readonly vector: Uint8Array }

/** All vectors side by side: reading them one by one takes longer than comparing them. */
interface Shelf {
  readonly width: number
  readonly ids: number[]
  readonly norms: number[]
  readonly isLongTerm: boolean[]
  readonly numbers: Int8Array
}

/** More are read anew for each question. */
const maxShelfBytes = 64 * 1024 * 1024

const kept = (index: Index, model: string): Iterable<Kept> =>
  index.statement('SELECT c.id AS id, c.path AS path, v.norm AS norm, v.vector AS vector FROM vectors v JOIN chunks c ON c.hash = v.hash WHERE v.model = ?')
    .iterate(model) as unknown as Iterable<Kept>

function shelve (index: Index, model: string): Shelf | undefined {
  const { n, width } = index.statement('SELECT count(*) AS n, max(length(v.vector)) AS width FROM vectors v JOIN chunks c ON c.hash = v.hash WHERE v.model = ?')
    .get(model) as unknown as { n: number, width: number | null }
  if (width === null || n * width > maxShelfBytes) return undefined
  const shelf: Shelf = { width, ids: [], norms: [], isLongTerm: [], numbers: new Int8Array(n * width) }
  for (const { id, path, norm, vector } of kept(index, model)) {
    // The model has changed behind its name.
    if (vector.length !== width) continue
    shelf.numbers.set(new Int8Array(vector.buffer, vector.byteOffset, width), shelf.ids.length * width)
    shelf.ids.push(id)
    shelf.norms.push(norm)
    shelf.isLongTerm.push(path === longTerm)
  }
  return shelf
}

export interface Asked {
  readonly model: string
  readonly numbers: Float32Array
}

/** By the id of the piece. */
export function nearness (index: Index, { model, numbers }: Asked, hidesLongTerm: boolean): Map<number, number> {
  const scores = new Map<number, number>()
  const length = lengthOf(numbers)
  const shelf = index.untilChanged(`vectors of ${model}`, () => shelve(index, model))
  if (!shelf) {
    for (const { id, path, norm, vector } of kept(index, model)) {
      const row = new Int8Array(vector.buffer, vector.byteOffset, vector.length)
      if (!hidesLongTerm || path !== longTerm) scores.set(id, cosine(numbers, length, row, norm))
    }
    return scores
  }
  const { width, ids, norms, isLongTerm } = shelf
  for (const [at, id] of ids.entries()) {
    if (hidesLongTerm && isLongTerm[at]) continue
    scores.set(id, cosine(numbers, length, shelf.numbers.subarray(at * width, (at + 1) * width), norms[at]!))
  }
  return scores
}
