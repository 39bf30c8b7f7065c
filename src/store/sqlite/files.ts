import { closeSync, constants, copyFileSync, chmodSync, existsSync, fsyncSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isDamage } from './failures.ts'
import { applicationId } from './migrations.ts'
import { openReadOnly } from './open-read-only.ts'

export interface StorePaths {
  directory: string
  database: string
  snapshot: string
}

export const storePaths = (stateDir: string): StorePaths =>
  ({ directory: stateDir, database: join(stateDir, 'state.sqlite'), snapshot: join(stateDir, 'state.snapshot.sqlite') })

export type Inspection =
  | { state: 'missing' }
  | { state: 'sound', version: number }
  | { state: 'unreadable', reason: string }

const headerBytes = 100
/** Small databases are read through at start; it takes milliseconds. Large ones are checked as they are used. */
const fullCheckMaxBytes = 4 * 1024 * 1024

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

function readHeader (path: string): Buffer {
  const header = Buffer.alloc(headerBytes)
  const file = openSync(path, 'r')
  try {
    const length = readSync(file, header, 0, headerBytes, 0)
    return header.subarray(0, length)
  } finally {
    closeSync(file)
  }
}

/** What the first bytes say, before the file is handed to the database. */
function headerProblem (path: string): string | undefined {
  const header = readHeader(path)
  if (header.length === 0) return 'it is empty'
  if (header.length < headerBytes) return 'it is cut short'
  if (header.toString('latin1', 0, 16) !== 'SQLite format 3\0') return 'it is not a database'
  if (header.readUInt32BE(68) !== applicationId) return 'it is a database of another program'
  const pageBytes = header.readUInt16BE(16) === 1 ? 65536 : header.readUInt16BE(16)
  // While the log holds pages the file may lawfully be shorter than its header says.
  if (sizeOf(`${path}-wal`) === 0 && sizeOf(path) < header.readUInt32BE(28) * pageBytes) return 'it is cut short'
  return undefined
}

function contentProblem (path: string): { problem?: string, version: number } {
  const { database } = openReadOnly(path)
  try {
    const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number }
    if (sizeOf(path) > fullCheckMaxBytes) return { version }
    const { quick_check: verdict } = database.prepare('PRAGMA quick_check(1)').get() as { quick_check: string }
    return verdict === 'ok' ? { version } : { version, problem: 'it is damaged' }
  } finally {
    database.close()
  }
}

/** Codes of the file system that say the file is there but gives nothing. A lack of file handles is not one of them. */
const unreadableCodes: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EISDIR', 'EIO'])

/** Looks whether the database can be used. Never changes it. */
export function inspect (path: string): Inspection {
  if (!existsSync(path)) return { state: 'missing' }
  try {
    const reason = headerProblem(path)
    if (reason) return { state: 'unreadable', reason }
    const { problem, version } = contentProblem(path)
    return problem ? { state: 'unreadable', reason: problem } : { state: 'sound', version }
  } catch (error) {
    if (isDamage(error)) return { state: 'unreadable', reason: 'it is damaged' }
    const { code } = error as NodeJS.ErrnoException
    if (code && unreadableCodes.has(code)) return { state: 'unreadable', reason: `it cannot be read (${code})` }
    throw error
  }
}

export function syncDirectory (path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}

/** Moves a database and its log aside, under a name that the sqlite3 shell can still open. Returns that name. */
export function setAside (path: string, now: number): string {
  const stamp = new Date(now).toISOString().replace(/[:.]/g, '-')
  let target = `${path}.quarantine-${stamp}`
  for (let count = 2; existsSync(target) || existsSync(`${target}-wal`); count++) target = `${path}.quarantine-${stamp}-${count}`
  // The database first: without it a left-over log is harmless, while a database without its log would look sound and be old.
  for (const suffix of ['', '-wal', '-shm']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, target + suffix)
  }
  syncDirectory(dirname(path))
  return target
}

/** Puts the last-good copy in the place of a missing database. */
export function restoreSnapshot (paths: StorePaths): void {
  const temporary = `${paths.database}.restoring`
  rmSync(temporary, { force: true })
  copyFileSync(paths.snapshot, temporary, constants.COPYFILE_EXCL)
  chmodSync(temporary, 0o600)
  const file = openSync(temporary, 'r+')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, paths.database)
  syncDirectory(paths.directory)
}

export function ensureDirectory (path: string): void {
  if (existsSync(path)) return
  mkdirSync(path, { recursive: true, mode: 0o700 })
  chmodSync(path, 0o700)
  syncDirectory(dirname(path))
}
