/** The index of one agent's memory: a file that can be thrown away at any time, because all of it can be read anew from the workspace. */
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { isDeepStrictEqual } from 'node:util'
import { loadSqlite } from '../../../store/sqlite/load-sqlite.ts'
import type { Chunking } from './chunks.ts'
import type { Tokenizer } from './words.ts'

export interface IndexPlace {
  readonly file: string
  readonly tokenizer: Tokenizer
  readonly chunking: Chunking
}

export interface Index {
  readonly tokenizer: Tokenizer
  readonly chunking: Chunking
  statement (sql: string): StatementSync
  /** Made once, until something is written. */
  untilChanged <R>(name: string, make: () => R): R
  /** All of it or nothing. */
  atOnce <R>(work: () => R): R
  close (): void
}

const applicationId = 0x4f434d49
const version = 1
/** Each has a page cache. */
const maxOpen = 4

const schema = `
  CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
  CREATE TABLE files (path TEXT PRIMARY KEY, signature TEXT NOT NULL, mtime_ms REAL NOT NULL, size INTEGER NOT NULL, skipped TEXT);
  CREATE TABLE chunks (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL, start_line INTEGER NOT NULL, end_line INTEGER NOT NULL, hash BLOB NOT NULL, text TEXT NOT NULL
  );
  CREATE INDEX chunks_by_path ON chunks (path);
  CREATE INDEX chunks_by_hash ON chunks (hash);
  CREATE TABLE vectors (id INTEGER PRIMARY KEY, model TEXT NOT NULL, hash BLOB NOT NULL, norm REAL NOT NULL, vector BLOB NOT NULL);
  CREATE UNIQUE INDEX vectors_by_hash ON vectors (model, hash);`

/** The words only; the text itself stands in its chunk. */
const wordsTable = (tokenizer: Tokenizer): string => `CREATE VIRTUAL TABLE words USING fts5(
  text, content = '', contentless_delete = 1, tokenize = '${tokenizer === 'trigram' ? 'trigram' : 'unicode61 remove_diacritics 2'}')`

const damageCodes: ReadonlySet<number> = new Set([11, 26])

/** The file is no sound index, as opposed to a disk that is full or a directory that refuses us. */
function isDamage (error: unknown): boolean {
  const { errcode, message } = error as { errcode?: number, message?: string }
  return typeof errcode === 'number' && (damageCodes.has(errcode & 0xff) || /^no such (table|column)|^no such module/.test(message ?? ''))
}

const files = (file: string): string[] => ['', '-wal', '-shm', '-journal'].map(suffix => file + suffix)

export function removeIndex (file: string): void {
  for (const path of files(file)) rmSync(path, { force: true, recursive: true })
}

/** SQLite gives new files to whoever the umask lets. */
function prepareFile (file: string): void {
  const directory = dirname(file)
  if (mkdirSync(directory, { recursive: true, mode: 0o700 })) chmodSync(directory, 0o700)
  if (!existsSync(file)) closeSync(openSync(file, 'wx', 0o600))
}

function connect (file: string): DatabaseSync {
  prepareFile(file)
  const { DatabaseSync } = loadSqlite()
  const database = new DatabaseSync(file, { timeout: 5000 })
  try {
    // What a power cut takes away is read anew.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY')
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

const numberOf = (database: DatabaseSync, pragma: string): number => Number(Object.values(database.prepare(`PRAGMA ${pragma}`).get()!)[0])

function createTables (database: DatabaseSync, { tokenizer }: IndexPlace): void {
  database.exec(`BEGIN; ${schema}; ${wordsTable(tokenizer)}; PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${version}; COMMIT`)
}

/** Pieces and words of other settings are of no use; vectors know their text and stay. */
function applyRecipe (database: DatabaseSync, { tokenizer, chunking }: IndexPlace): void {
  const recipe = JSON.stringify([tokenizer, chunking.tokens, chunking.overlap])
  const known = database.prepare("SELECT value FROM facts WHERE name = 'recipe'").get()?.['value']
  if (known === recipe) return
  database.exec(`BEGIN; DROP TABLE words; ${wordsTable(tokenizer)}; DELETE FROM chunks; DELETE FROM files`)
  database.prepare("INSERT OR REPLACE INTO facts (name, value) VALUES ('recipe', ?)").run(recipe)
  database.exec('COMMIT')
}

function openIndex (place: IndexPlace): Index {
  let database = connect(place.file)
  try {
    const [id, known] = [numberOf(database, 'application_id'), numberOf(database, 'user_version')]
    const isEmpty = id === 0 && known === 0 && numberOf(database, 'page_count') <= 1
    if (!isEmpty && (id !== applicationId || known !== version)) {
      database.close()
      removeIndex(place.file)
      database = connect(place.file)
    }
    if (numberOf(database, 'user_version') === 0) createTables(database, place)
    applyRecipe(database, place)
  } catch (error) {
    if (database.isOpen) database.close()
    throw error
  }
  return indexOver(database, place)
}

function indexOver (database: DatabaseSync, { tokenizer, chunking }: IndexPlace): Index {
  const statements = new Map<string, StatementSync>()
  const made = new Map<string, unknown>()
  return {
    tokenizer,
    chunking,
    statement (sql) {
      const known = statements.get(sql) ?? database.prepare(sql)
      statements.set(sql, known)
      return known
    },
    untilChanged <R> (name: string, make: () => R): R {
      if (!made.has(name)) made.set(name, make())
      return made.get(name) as R
    },
    atOnce (work) {
      made.clear()
      database.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        database.exec('COMMIT')
        return result
      } catch (error) {
        if (database.isTransaction) database.exec('ROLLBACK')
        throw error
      }
    },
    close () { if (database.isOpen) database.close() }
  }
}

export interface Indexes {
  /** Opened when it is not; one that turns out to be damaged is thrown away, and the work begins again with an empty one. */
  use <R>(place: IndexPlace, work: (index: Index) => Promise<R>): Promise<R>
  forget (file: string): void
}

export function createIndexes (): Indexes {
  const open = new Map<string, Index>()

  function close (file: string): void {
    open.get(file)?.close()
    open.delete(file)
  }

  function get (place: IndexPlace): Index {
    const { file, tokenizer, chunking } = place
    const known = open.get(file)
    if (known && isDeepStrictEqual([known.tokenizer, known.chunking], [tokenizer, chunking]) && existsSync(file)) return known
    close(file)
    if (open.size >= maxOpen) close(open.keys().next().value!)
    const index = openIndex(place)
    open.set(file, index)
    return index
  }

  return {
    async use (place, work) {
      try {
        return await work(get(place))
      } catch (error) {
        if (!isDamage(error)) throw error
        close(place.file)
        removeIndex(place.file)
        return await work(get(place))
      }
    },
    forget (file) {
      close(file)
      removeIndex(file)
    }
  }
}
