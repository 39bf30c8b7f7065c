import type { DatabaseSync } from 'node:sqlite'
import type { WriterConfig } from './writer-messages.ts'

/** The files of the database, for the writer thread. */
export interface DatabaseFiles {
  /** Made before the database sees it, so that its mode does not follow the umask. */
  createEmpty (path: string): void
  create (): void
  migrate (db: DatabaseSync): void
}

/** Its text goes to the writer thread with that of the writer, so it must stand alone, too. */
export function databaseFiles (config: WriterConfig): DatabaseFiles {
  const fs = process.getBuiltinModule('node:fs')
  const { dirname, join } = process.getBuiltinModule('node:path')
  const { DatabaseSync: Database } = process.getBuiltinModule('node:sqlite')

  function sync (path: string): void {
    const opened = fs.openSync(path, 'r')
    try {
      fs.fsyncSync(opened)
    } finally {
      fs.closeSync(opened)
    }
  }

  function createEmpty (path: string): void {
    for (const suffix of ['', '-journal', '-wal', '-shm']) fs.rmSync(path + suffix, { force: true })
    const created = fs.openSync(path, 'wx', 0o600)
    fs.fchmodSync(created, 0o600)
    fs.closeSync(created)
  }

  /** Synced before it gets its name: a file of that name is always whole. */
  function publish (temporary: string, path: string): void {
    sync(temporary)
    fs.renameSync(temporary, path)
    sync(dirname(path))
  }

  function versionOf (db: DatabaseSync): number {
    return (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version
  }

  /** The way back: an earlier version of the gateway can use the database as it was. One copy is kept, of the last step. */
  function keepCopy (db: DatabaseSync, version: number): void {
    const directory = dirname(config.path)
    const temporary = `${config.path}.copying`
    createEmpty(temporary)
    db.prepare('VACUUM INTO ?').run(temporary)
    for (const name of fs.readdirSync(directory)) if (/^state\.v\d+\.sqlite$/.test(name)) fs.rmSync(join(directory, name), { force: true })
    publish(temporary, join(directory, `state.v${version}.sqlite`))
  }

  function migrate (db: DatabaseSync): void {
    const found = versionOf(db)
    if (found > 0 && found < config.migrations.length) keepCopy(db, found)
    for (let version = found; version < config.migrations.length; version++) {
      db.exec(`BEGIN IMMEDIATE; ${config.migrations[version]!.sql}; PRAGMA user_version = ${version + 1}; COMMIT`)
    }
  }

  function create (): void {
    const temporary = `${config.path}.creating`
    createEmpty(temporary)
    const db = new Database(temporary)
    try {
      // Nothing to lose yet: the file is synced once, when it is complete.
      db.exec(`PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; PRAGMA application_id = ${config.applicationId}`)
      migrate(db)
      db.exec('PRAGMA journal_mode = WAL')
    } finally {
      db.close()
    }
    publish(temporary, config.path)
  }

  return { createEmpty, create, migrate }
}
