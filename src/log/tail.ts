/** The end of the log file for `logs.tail` (ops 6.5). The cursor is a byte offset. */
import type { Stats } from 'node:fs'
import { open, readdir, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { GatewayError } from '../protocol/errors.ts'
import { datedFamily } from './log-files.ts'

export interface TailOptions {
  /** Null when the gateway logs to the console only. */
  file: string | null
  cursor?: number
  limit?: number
  maxBytes?: number
  redact: (line: string) => string
  /** Which file it is that is read, whatever it is called by now. */
  seen?: (identity: string) => void
}

export interface LogsTailResult {
  file: string
  /** Where the next call goes on. */
  cursor: number
  size: number
  lines: string[]
  /** Older lines exist that are not in `lines`. */
  truncated: boolean
  /** The cursor was not usable: the lines do not follow those of the call before. */
  reset: boolean
  skippedBytes?: number
}

export const tailDefaults = { limit: 500, maxLimit: 5000, maxBytes: 250_000, mostBytes: 1_000_000 } as const
const newline = 0x0a
/** Lines that are redacted before other work gets its turn. */
const linesPerTurn = 200

export async function tailLog ({ file, cursor, limit, maxBytes, redact, seen }: TailOptions): Promise<LogsTailResult> {
  const maxLines = clamp(limit ?? tailDefaults.limit, tailDefaults.maxLimit)
  const windowBytes = clamp(maxBytes ?? tailDefaults.maxBytes, tailDefaults.mostBytes)
  try {
    const path = file === null ? null : await existingFile(file)
    const handle = path === null ? null : await open(path, 'r').catch(none)
    if (path === null || handle === null) {
      return { file: file ?? 'console only', cursor: 0, size: 0, lines: [], truncated: false, reset: (cursor ?? 0) > 0 }
    }
    try {
      const stats = await handle.stat()
      const { size } = stats
      seen?.(identityOf(stats))
      const range = chooseRange(size, cursor, windowBytes)
      const { lines, end, cut } = await readLines(handle, range.start, size, maxLines)
      const { start: _start, ...flags } = range
      return { file: path, cursor: end, size, ...flags, truncated: range.truncated || cut, lines: await redactAll(lines, redact) }
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw new GatewayError('LOG_READ_FAILED', { message: `log read failed: ${(error as Error).message}`, cause: error })
  }
}

/** The number of a file that is gone is given to the next one; when it was made is not. */
export const identityOf = ({ ino, birthtimeMs }: Stats): string => `${ino}:${birthtimeMs}`

const clamp = (value: number, most: number): number => Math.min(Math.max(1, Math.floor(value)), most)

/** The file itself, or of a log that rolls by date the newest one; null when there is none. */
async function existingFile (file: string): Promise<string | null> {
  if (await isRegularFile(file)) return file
  const isRelative = datedFamily(file)
  if (!isRelative) return null
  const names = (await readdir(dirname(file)).catch(none)) ?? []
  // The date is in the name, so the last name is the newest.
  for (const name of names.filter(isRelative).sort().reverse()) {
    const path = join(dirname(file), name)
    if (await isRegularFile(path)) return path
  }
  return null
}

async function isRegularFile (path: string): Promise<boolean> {
  const found = await stat(path).catch(none)
  if (found && !found.isFile()) throw new Error(`not a regular file: ${basename(path)}`)
  return found !== null
}

function none (error: NodeJS.ErrnoException): null {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error
  return null
}

interface Range { start: number, truncated: boolean, reset: boolean, skippedBytes?: number }

function chooseRange (size: number, cursor: number | undefined, windowBytes: number): Range {
  const windowStart = Math.max(0, size - windowBytes)
  if (cursor === undefined) return { start: windowStart, truncated: windowStart > 0, reset: false }
  const from = Math.max(0, Math.floor(cursor))
  if (from > size) return { start: windowStart, truncated: windowStart > 0, reset: true }
  if (size - from <= windowBytes) return { start: from, truncated: false, reset: false }
  return { start: windowStart, truncated: true, reset: true, skippedBytes: windowStart - from }
}

/** Whole lines only: what begins before `start` and what does not end before `size` is left out. */
async function readLines (handle: FileHandle, start: number, size: number, maxLines: number) {
  // One byte more than asked for shows whether a line begins at `start`.
  const from = Math.max(0, start - 1)
  const bytes = await readRange(handle, from, size)
  const last = bytes.lastIndexOf(newline)
  // A window inside one unfinished line has nothing yet; the next call looks again from here.
  if (last < 0) return { lines: [], end: start, cut: false }
  const first = start === 0 ? 0 : bytes.indexOf(newline) + 1
  const text = first > last ? '' : bytes.toString('utf8', first, last)
  const lines = first > last ? [] : text.split('\n')
  return { lines: lines.slice(-maxLines), end: Math.max(start, from + last + 1), cut: lines.length > maxLines }
}

async function readRange (handle: FileHandle, from: number, to: number): Promise<Buffer> {
  const buffer = Buffer.alloc(to - from)
  let filled = 0
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, from + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return buffer.subarray(0, filled)
}

async function redactAll (lines: readonly string[], redact: (line: string) => string): Promise<string[]> {
  const out: string[] = []
  for (const line of lines) {
    if (out.length > 0 && out.length % linesPerTurn === 0) await nextTurn()
    out.push(redact(line))
  }
  return out
}
