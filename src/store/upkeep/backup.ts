/**
 * A backup is one database: everything in the state database, and in a table of its own the small files beside it. It is made beside a
 * running gateway, shows one moment, and can be opened with the sqlite3 shell.
 */
import { chmodSync, closeSync, existsSync, fchmodSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { storePaths, syncDirectory } from '../sqlite/files.ts'
import { loadSqlite } from '../sqlite/load-sqlite.ts'
import { applicationId } from '../sqlite/migrations.ts'
import { openReadOnly } from '../sqlite/open-read-only.ts'
import { belongsInBackup, listFiles, type FoundFile } from './private-files.ts'

export const backupTable = 'backup_files'

const maxFiles = 20_000
const maxFileBytes = 4 * 1024 * 1024
const maxAllBytes = 256 * 1024 * 1024

export interface BackupReport {
  path: string
  bytes: number
  /** Files beside the database. */
  files: number
  /** Too large, or too many: paths in the state directory. */
  leftOut: string[]
}

function createPrivate (path: string): void {
  const file = openSync(path, 'wx', 0o600)
  fchmodSync(file, 0o600)
  closeSync(file)
}

function copyDatabase (database: string, to: string): void {
  if (existsSync(database)) {
    const { database: source } = openReadOnly(database)
    try {
      // Reading all of it also finds damage: a backup that was made is sound.
      source.exec('PRAGMA query_only = OFF')
      source.prepare('VACUUM INTO ?').run(to)
    } finally {
      source.close()
    }
  } else {
    const { DatabaseSync } = loadSqlite()
    const empty = new DatabaseSync(to)
    empty.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = 0`)
    empty.close()
  }
}

function chooseFiles (stateDir: string): { chosen: FoundFile[], leftOut: string[] } {
  const { files, complete } = listFiles(stateDir, maxFiles)
  const chosen: FoundFile[] = []
  const leftOut = complete ? [] : ['(more than can be listed)']
  let bytes = 0
  for (const file of files.filter(belongsInBackup)) {
    const fits = file.bytes <= maxFileBytes && bytes + file.bytes <= maxAllBytes
    if (fits) chosen.push(file)
    else leftOut.push(file.path)
    if (fits) bytes += file.bytes
  }
  return { chosen, leftOut }
}

function addFiles (backup: string, stateDir: string, files: FoundFile[]): number {
  const { DatabaseSync } = loadSqlite()
  const database = new DatabaseSync(backup)
  let added = 0
  try {
    database.exec(`PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; BEGIN;
      CREATE TABLE ${backupTable} (path TEXT PRIMARY KEY, mode INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT`)
    const add = database.prepare(`INSERT INTO ${backupTable} VALUES (?, ?, ?)`)
    for (const { path, mode } of files) {
      // Between listing and reading a file may go.
      if (!existsSync(join(stateDir, path))) continue
      add.run(path, mode, readFileSync(join(stateDir, path)))
      added++
    }
    database.exec('COMMIT')
  } finally {
    database.close()
  }
  return added
}

/** Throws when the target exists, or when the database is damaged. */
export function makeBackup (stateDir: string, target: string): BackupReport {
  if (existsSync(target)) throw Object.assign(new Error(`${target} exists already`), { code: 'EEXIST' })
  const temporary = `${target}.creating`
  rmSync(temporary, { force: true })
  createPrivate(temporary)
  try {
    copyDatabase(storePaths(stateDir).database, temporary)
    chmodSync(temporary, 0o600)
    const { chosen, leftOut } = chooseFiles(stateDir)
    const files = addFiles(temporary, stateDir, chosen)
    const file = openSync(temporary, 'r')
    fsyncSync(file)
    closeSync(file)
    renameSync(temporary, target)
    syncDirectory(dirname(target))
    return { path: target, bytes: statSync(target).size, files, leftOut }
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}
