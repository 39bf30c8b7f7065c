/** The files of one log: their names, and the rare operations on them (rotate, prune, keep under a total). */
import { chmodSync, fchmodSync, fstatSync, mkdirSync, openSync, readSync, readdirSync, renameSync, statSync, unlinkSync } from 'node:fs'
import { basename, dirname, join, parse } from 'node:path'
import { localDate } from './local-time.ts'

/** A name of this shape rolls by date, whether it is the default or configured. */
const datedName = /^(openclaw(?:-[a-z0-9-]+)?)-(\d{4}-\d{2}-\d{2})\.log$/
const datedFamilyMember = /^(openclaw(?:-[a-z0-9-]+)?)-\d{4}-\d{2}-\d{2}(?:\.[1-5])?\.log$/
const maxArchives = 5
const maxAgeMs = 24 * 60 * 60 * 1000

export interface LogFile { readonly path: string, readonly bytes: number, readonly modifiedMs: number }

export const isDated = (file: string): boolean => datedName.test(basename(file))

/** The file that is written at this moment: the same, or for a dated name the one of that day. */
export function fileAt (file: string, ms: number): string {
  const family = datedName.exec(basename(file))?.[1]
  return family === undefined ? file : join(dirname(file), `${family}-${localDate(ms)}.log`)
}

/** For a log that rolls by date: whether a name is one of its days. Null for other logs. */
export function datedFamily (file: string): ((name: string) => boolean) | null {
  const family = datedName.exec(basename(file))?.[1]
  return family === undefined ? null : name => datedName.exec(name)?.[1] === family
}

/** openclaw-2026-11-20.log → openclaw-2026-11-20.2.log */
const archiveOf = (file: string, index: number): string => {
  const { dir, name, ext } = parse(file)
  return join(dir, `${name}.${index}${ext}`)
}

function memberTest (file: string): (name: string) => boolean {
  const family = datedName.exec(basename(file))?.[1]
  if (family !== undefined) return name => datedFamilyMember.exec(name)?.[1] === family
  const names = new Set([basename(file)])
  for (let index = 1; index <= maxArchives; index++) names.add(basename(archiveOf(file, index)))
  return name => names.has(name)
}

/** Every existing file of the log that `file` belongs to, the oldest first. */
export function familyOf (file: string): LogFile[] {
  const isMember = memberTest(file)
  return readdirSync(dirname(file)).filter(isMember)
    .map(name => describe(join(dirname(file), name)))
    .filter(found => found !== null)
    .sort((a, b) => a.modifiedMs - b.modifiedMs || (a.path < b.path ? 1 : -1))
}

function describe (path: string): LogFile | null {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats?.isFile() ? { path, bytes: stats.size, modifiedMs: stats.mtimeMs } : null
}

export interface OpenLogFile {
  readonly fd: number
  readonly inode: number
  readonly bytes: number
  /** It ends inside a line: a process was killed or a disk was full while it wrote. */
  readonly torn: boolean
}

/** Opens for appending; 0600 and 0700 for what we create, whatever the umask, and what exists keeps its rights. */
export function openForAppend (path: string): OpenLogFile {
  if (mkdirSync(dirname(path), { recursive: true, mode: 0o700 }) !== undefined) chmodSync(dirname(path), 0o700)
  const found = statSync(path, { throwIfNoEntry: false })
  // Opening a pipe that nobody reads would never return.
  if (found && !found.isFile()) throw new Error(`the log file is not a regular file: ${path}`)
  const fd = openSync(path, 'a+', 0o600)
  if (!found) fchmodSync(fd, 0o600)
  const { ino, size } = fstatSync(fd)
  const last = Buffer.alloc(1)
  const torn = size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a
  return { fd, inode: ino, bytes: size, torn }
}

/** name.log → name.1.log → … → name.5.log; what was the fifth is gone. */
export function rotate (file: string): void {
  for (let index = maxArchives - 1; index >= 1; index--) renameIfThere(archiveOf(file, index), archiveOf(file, index + 1))
  renameIfThere(file, archiveOf(file, 1))
}

/** Removes what is older than a day of a log that rolls by date, never the file that is being written. */
export function pruneDated (file: string, nowMs: number): void {
  if (!isDated(file)) return
  for (const { path, modifiedMs } of familyOf(file)) {
    if (path !== file && nowMs - modifiedMs > maxAgeMs) unlinkIfThere(path)
  }
}

/** Removes the oldest files beside `file` until they hold at most `maxBytes`; says how much they hold then. */
export function keepOthersUnder (file: string, maxBytes: number): number {
  const others = familyOf(file).filter(({ path }) => path !== file)
  let total = others.reduce((sum, { bytes }) => sum + bytes, 0)
  for (const { path, bytes } of others) {
    if (total <= maxBytes) break
    unlinkIfThere(path)
    total -= bytes
  }
  return total
}

function renameIfThere (from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    // Another gateway of this user may have moved it a moment ago.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

function unlinkIfThere (path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}
