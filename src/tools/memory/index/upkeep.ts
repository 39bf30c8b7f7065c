/** Brings an index to where the files are. */
import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import { codeOf, failureOf } from '../../files/failure.ts'
import { openPlace } from '../../files/place.ts'
import { isBinary } from '../../files/text-file.ts'
import type { FileView } from '../../files/view.ts'
import { readWhole } from '../../files/whole-file.ts'
import { chunksOf, type Chunk } from './chunks.ts'
import type { Index } from './database.ts'
import { findFiles, maxFileBytes, signatureOf, type FoundFile } from './found-files.ts'
import { indexed } from './words.ts'

export const maxChunks = 50_000

export interface UpkeepReport {
  /** Files that are still to be read. */
  readonly left: number
  readonly read: number
  readonly removed: number
}

export interface UpkeepOptions {
  readonly view: FileView
  /** Returns when it is over, with what is left to do. */
  readonly budgetMs: number
}

interface KnownFile { readonly path: string, readonly signature: string }

const known = (index: Index): Map<string, string> => {
  const rows = index.statement('SELECT path, signature FROM files').all() as unknown as KnownFile[]
  return new Map(rows.map(({ path, signature }) => [path, signature]))
}

export const countOf = (index: Index, sql: string, ...params: Array<string | number>): number => Number(index.statement(sql).get(...params)!['n'])

function removeChunks (index: Index, path: string): void {
  index.statement('DELETE FROM words WHERE rowid IN (SELECT id FROM chunks WHERE path = ?)').run(path)
  index.statement('DELETE FROM chunks WHERE path = ?').run(path)
}

function remove (index: Index, paths: readonly string[]): void {
  if (paths.length === 0) return
  index.atOnce(() => {
    for (const path of paths) {
      removeChunks(index, path)
      index.statement('DELETE FROM files WHERE path = ?').run(path)
    }
  })
}

interface Content { readonly text?: string, readonly skipped?: string, readonly stat?: Stats }

/** Undefined: it is gone. */
async function contentOf (view: FileView, { path }: FoundFile): Promise<Content | undefined> {
  try {
    const place = await openPlace(view, path, { use: 'read' })
    const file = await readWhole(place).finally(place.close)
    if (!file) return undefined
    const { content, stat } = file
    if (stat.size > maxFileBytes) return { stat, skipped: `is larger than ${maxFileBytes / 1024 / 1024} MB` }
    if (isBinary(content)) return { stat, skipped: 'is not text' }
    return { stat, text: new TextDecoder().decode(content) }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    return { skipped: failureOf(error, path).message }
  }
}

function addChunk (index: Index, path: string, { startLine, endLine, text }: Chunk): void {
  const hash = createHash('sha256').update(text).digest()
  const { lastInsertRowid } = index.statement('INSERT INTO chunks (path, start_line, end_line, hash, text) VALUES (?, ?, ?, ?, ?)')
    .run(path, startLine, endLine, hash, text)
  index.statement('INSERT INTO words (rowid, text) VALUES (?, ?)').run(lastInsertRowid, indexed(text, index.tokenizer))
}

function write (index: Index, file: FoundFile, { text, skipped, stat }: Content): void {
  const { path } = file
  const chunks = text === undefined ? [] : chunksOf(text, index.chunking)
  index.atOnce(() => {
    removeChunks(index, path)
    const others = countOf(index, 'SELECT count(*) AS n FROM chunks')
    const isFull = others + chunks.length > maxChunks
    if (!isFull) for (const chunk of chunks) addChunk(index, path, chunk)
    const reason = skipped ?? (isFull ? `does not fit: an index has at most ${maxChunks} pieces` : null)
    index.statement('INSERT OR REPLACE INTO files (path, signature, mtime_ms, size, skipped) VALUES (?, ?, ?, ?, ?)')
      .run(path, stat ? signatureOf(stat) : file.signature, stat?.mtimeMs ?? file.mtimeMs, stat?.size ?? file.size, reason)
  })
}

export async function keepUp (index: Index, { view, budgetMs }: UpkeepOptions): Promise<UpkeepReport> {
  const untilMs = performance.now() + budgetMs
  const { files } = await findFiles(view)
  const before = known(index)
  const there = new Set(files.map(({ path }) => path))
  const gone = [...before.keys()].filter(path => !there.has(path))
  remove(index, gone)
  const changed = files.filter(({ path, signature }) => before.get(path) !== signature)
  let done = 0
  for (const file of changed) {
    const content = await contentOf(view, file)
    if (content) write(index, file, content)
    else remove(index, [file.path])
    done++
    if (performance.now() > untilMs) break
  }
  return { left: changed.length - done, read: done, removed: gone.length }
}

/** What somebody would do who kept it up now. */
export async function outOfDate (index: Index, view: FileView): Promise<Pick<UpkeepReport, 'left'> & Awaited<ReturnType<typeof findFiles>>> {
  const found = await findFiles(view)
  const before = known(index)
  const changed = found.files.filter(({ path, signature }) => before.get(path) !== signature).length
  const there = new Set(found.files.map(({ path }) => path))
  return { ...found, left: changed + [...before.keys()].filter(path => !there.has(path)).length }
}
