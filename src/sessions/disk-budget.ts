/** What sessions may take on the disk: the database, its log, and the transcripts of deleted sessions beside it. */
import { stat } from 'node:fs/promises'
import { listArchives, removeArchives } from './archive.ts'

const units: { readonly [unit: string]: number } = {
  b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40
}

/** A size as the configuration writes it; a share is one of `whole`. */
export function parseSize (size: string | number, whole: number): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]i?b|b|%)?$/.exec(String(size))
  if (!match) throw new Error(`not a size: ${size}`)
  const [, digits, unit = 'b'] = match
  return unit === '%' ? whole * Number(digits) / 100 : Number(digits) * units[unit]!
}

export interface DiskBudget {
  readonly database: string | undefined
  readonly archiveDir: string
  readonly maxBytes: number
  readonly highWaterBytes: number
  /** Files that may go at once. */
  readonly limit: number
}

const sizeOf = async (file: string): Promise<number> => await stat(file).then(({ size }) => size, () => 0)

/** Beyond the budget the oldest archives go until there is air again. Conversations stay: how much is too much is for people to say. */
export async function keepBudget ({ database, archiveDir, maxBytes, highWaterBytes, limit }: DiskBudget) {
  const archives = await listArchives(archiveDir)
  const own = database === undefined ? [] : [database, `${database}-wal`]
  let bytes = 0
  for (const size of [...await Promise.all(own.map(sizeOf)), ...archives.map(({ size }) => size)]) bytes += size
  if (bytes <= maxBytes) return { bytes, removed: 0, isOver: false }
  const leaving: string[] = []
  for (const { file, size } of archives.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
    if (bytes <= highWaterBytes || leaving.length >= limit) break
    leaving.push(file)
    bytes -= size
  }
  await removeArchives(leaving)
  return { bytes, removed: leaving.length, isOver: bytes > maxBytes }
}
