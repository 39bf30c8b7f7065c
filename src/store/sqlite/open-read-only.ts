import { statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { loadSqlite } from './load-sqlite.ts'

/** Kept small: what is read in bulk is read once, at start. */
const cacheKib = 512

function opened (location: string | URL): DatabaseSync {
  const { DatabaseSync } = loadSqlite()
  const database = new DatabaseSync(location, { readOnly: true, timeout: 2000 })
  try {
    database.exec(`PRAGMA cache_size = -${cacheKib}; PRAGMA query_only = ON`)
    database.prepare('SELECT count(*) FROM sqlite_schema').get()
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

export interface ReadOnlyDatabase {
  database: DatabaseSync
  /** Shows the file as it was when it was opened; changes need a new opening. */
  frozen: boolean
}

/**
 * Opens the database beside a running writer. Where the directory does not let us keep the shared index of the log, and there is no log
 * to read, the file is complete by itself and is read as it stands.
 */
export function openReadOnly (path: string): ReadOnlyDatabase {
  try {
    return { database: opened(path), frozen: false }
  } catch (error) {
    const { errcode = 0 } = error as { errcode?: number }
    const refused = [3, 8, 14].includes(errcode & 0xff)
    const logBytes = statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0
    if (!refused || logBytes > 0) throw error
    const location = pathToFileURL(path)
    location.searchParams.set('immutable', '1')
    return { database: opened(location), frozen: true }
  }
}
