/** Some lines of a file that may be larger than memory. */
import type { FileHandle } from 'node:fs/promises'
import { FileFailure } from './failure.ts'

export interface Slice {
  readonly text: string
  readonly lines: number
  /** Where to read on; undefined: this was the end. */
  readonly nextLine?: number
  /** One line alone was longer than what may be given. */
  readonly isLineCut: boolean
}

export interface SliceOptions {
  /** From 1. */
  readonly fromLine: number
  readonly maxLines: number
  readonly maxBytes: number
  readonly name: string
  readonly signal: AbortSignal
}

const chunkBytes = 64 * 1024
/** What is looked through to find a line. */
const maxScannedBytes = 256 * 1024 * 1024
const newline = 10

interface Cursor { line: number, scanned: number }

async function * chunks (handle: FileHandle, { name, signal }: SliceOptions): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(chunkBytes)
  for (let position = 0; ;) {
    signal.throwIfAborted()
    if (position > maxScannedBytes) throw new FileFailure(`${name} is too large to look for this line. Use exec with a program that seeks.`)
    const { bytesRead } = await handle.read(buffer, 0, chunkBytes, position)
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

/** Steps over whole lines; the offset at which the wanted one begins, or the end of the chunk. */
function skipTo (chunk: Buffer, cursor: Cursor, wanted: number): number {
  let at = 0
  while (cursor.line < wanted) {
    const end = chunk.indexOf(newline, at)
    if (end < 0) return chunk.length
    cursor.line++
    at = end + 1
  }
  return at
}

/** Ends where a character does. */
function cutAt (content: Buffer, length: number): Buffer {
  let end = Math.min(length, content.length)
  while (end < content.length && end > 0 && (content[end]! & 0xc0) === 0x80) end--
  return content.subarray(0, end)
}

/** At most so many lines and bytes of what was read, in whole lines when one fits. */
function trim (content: Buffer, { maxLines, maxBytes }: SliceOptions): { kept: Buffer, lines: number, isLineCut: boolean } {
  let [lines, end] = [0, 0]
  while (lines < maxLines && end < content.length) {
    const next = content.indexOf(newline, end)
    const after = next < 0 ? content.length : next + 1
    if (after > maxBytes) break
    end = after
    lines++
  }
  if (lines > 0 || content.length === 0) return { kept: content.subarray(0, end), lines, isLineCut: false }
  return { kept: cutAt(content, maxBytes), lines: 1, isLineCut: true }
}

export async function readSlice (handle: FileHandle, options: SliceOptions): Promise<Slice> {
  const { fromLine, maxBytes, name } = options
  const cursor: Cursor = { line: 1, scanned: 0 }
  const parts: Buffer[] = []
  let gathered = 0
  for await (const chunk of chunks(handle, options)) {
    cursor.scanned += chunk.length
    const start = skipTo(chunk, cursor, fromLine)
    if (start === chunk.length) continue
    parts.push(Buffer.from(chunk.subarray(start)))
    gathered += chunk.length - start
    // One byte more tells whether the file goes on.
    if (gathered > maxBytes) break
  }
  if (gathered === 0 && fromLine > 1) throw new FileFailure(`${name} has no line ${fromLine}. It ends before; use a smaller offset.`)
  const content = Buffer.concat(parts)
  const { kept, lines, isLineCut } = trim(content, options)
  const text = kept.toString('utf8').replace(/^\uFEFF/, '')
  return { text, lines, isLineCut, ...(kept.length < content.length ? { nextLine: fromLine + lines } : {}) }
}
