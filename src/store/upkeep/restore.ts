/**
 * Puts a backup, or a copy of the database alone, in the place of what is there, which is kept aside whole. Whoever calls it holds the
 * state lock.
 */
import { chmodSync, closeSync, copyFileSync, existsSync, fsyncSync, mkdirSync, openSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { inspect, storePaths, syncDirectory } from '../sqlite/files.ts'
import { loadSqlite } from '../sqlite/load-sqlite.ts'
import { migrations } from '../sqlite/migrations.ts'
import { openReadOnly } from '../sqlite/open-read-only.ts'
import { backupTable } from './backup.ts'

export interface RestoreReport {
  files: number
  /** Where that went which the backup replaced; absent when nothing was there. */
  aside?: string
  /** The schema of the database, where it is one of an earlier version of the gateway. */
  earlierSchema?: number
}

interface StoredFile { path: string, mode: number, bytes: Uint8Array }

/** Without files where it is a copy of the database alone, such as the one that is kept before the schema changes. */
interface OpenedBackup { files: StoredFile[] | undefined, schema: number }

/** The files of a backup, after making sure that it is one, whole, and of a version that we understand. */
function openBackup (path: string): OpenedBackup {
  const found = inspect(path)
  if (found.state !== 'sound') throw new Error(`${path} is no usable backup: ${found.state === 'missing' ? 'it does not exist' : found.reason}`)
  if (found.version > migrations.length) {
    throw new Error(`${path} was made by a newer version (schema ${found.version}, this one knows ${migrations.length})`)
  }
  const { database } = openReadOnly(path)
  try {
    const verdict = database.prepare('PRAGMA integrity_check(1)').get()?.integrity_check
    if (verdict !== 'ok') throw new Error(`${path} is no usable backup: ${String(verdict)}`)
    const known = database.prepare('SELECT 1 FROM sqlite_schema WHERE name = ?').get(backupTable)
    const files = known ? database.prepare(`SELECT path, mode, bytes FROM ${backupTable}`).all() as unknown as StoredFile[] : undefined
    // What was written last to a database that is in use may stand in the log beside it.
    if (!files && (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) throw new Error(`${path} is in use, or was not closed`)
    return { files, schema: found.version }
  } finally {
    database.close()
  }
}

/** A backup may have been in other hands: nothing of it is written outside the state directory. */
function assertInside (path: string): void {
  const odd = path.split('/').some(step => step === '' || step === '.' || step === '..' || /[\\\0]/.test(step))
  if (odd || isAbsolute(path)) {
    throw new Error(`the backup names a file outside the state directory: ${path}`)
  }
}

function prepareDatabase (backup: string, prepared: string, hasFiles: boolean): void {
  rmSync(prepared, { force: true })
  copyFileSync(backup, prepared)
  chmodSync(prepared, 0o600)
  const { DatabaseSync } = loadSqlite()
  const database = new DatabaseSync(prepared)
  try {
    database.exec('PRAGMA journal_mode = DELETE')
    if (hasFiles) database.exec(`DROP TABLE ${backupTable}; VACUUM`)
  } finally {
    database.close()
  }
}

function syncFile (path: string): void {
  const file = openSync(path, 'r+')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function ensureParent (path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
}

function moveAside (stateDir: string, aside: string, paths: readonly string[]): number {
  let moved = 0
  for (const path of paths) {
    if (!existsSync(join(stateDir, path))) continue
    ensureParent(join(aside, path))
    renameSync(join(stateDir, path), join(aside, path))
    moved++
  }
  return moved
}

function writeFile (stateDir: string, { path, mode, bytes }: StoredFile): void {
  const target = join(stateDir, path)
  ensureParent(target)
  writeFileSync(target, bytes, { mode: 0o600, flag: 'wx' })
  // Never wider than it was, and for nobody but the owner where it was for nobody else.
  chmodSync(target, mode)
  syncFile(target)
}

/** Throws before anything is touched when the backup is of no use. */
export function restoreBackup (stateDir: string, backup: string, now: number): RestoreReport {
  const { database } = storePaths(stateDir)
  if (resolve(backup) === resolve(database)) throw new Error(`${backup} is the database itself, and no backup of it`)
  const { files: stored, schema } = openBackup(backup)
  const files = stored ?? []
  for (const { path } of files) assertInside(path)
  const prepared = `${database}.restoring`
  prepareDatabase(backup, prepared, stored !== undefined)
  syncFile(prepared)
  const aside = join(stateDir, `before-restore-${new Date(now).toISOString().replace(/[:.]/g, '-')}`)
  const databases = readdirSync(stateDir).filter(name => /^state\.(snapshot\.)?sqlite(-wal|-shm)?$/.test(name))
  const moved = moveAside(stateDir, aside, [...databases, ...files.map(({ path }) => path)])
  renameSync(prepared, database)
  for (const file of files) writeFile(stateDir, file)
  syncDirectory(stateDir)
  const isEarlier = schema > 0 && schema < migrations.length
  return { files: files.length, ...(moved > 0 ? { aside } : {}), ...(isEarlier ? { earlierSchema: schema } : {}) }
}
