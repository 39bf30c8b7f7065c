import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { FromWriter, ToWriter, WriteFailure, WriterConfig } from './writer-messages.ts'

type Job = Extract<ToWriter, { job: number }>
type Answer = Extract<FromWriter, { done: unknown }>['done'][number]

/**
 * The one thread that writes. It takes everything that has queued up, commits it as one transaction and answers after the commit.
 *
 * Its text is handed to a worker, so it must stand alone: no imports but types, nothing from around it. A worker that loads a
 * TypeScript module needs a second type stripper: 17 MB and 40 ms more than this.
 */
export function writerThread (): void {
  const { parentPort, receiveMessageOnPort, workerData } = process.getBuiltinModule('node:worker_threads')
  const fs = process.getBuiltinModule('node:fs')
  const { dirname } = process.getBuiltinModule('node:path')
  const { DatabaseSync: Database } = process.getBuiltinModule('node:sqlite')
  const config = workerData as WriterConfig
  const port = parentPort!
  const maxStatements = 64
  const magic = 'SQLite format 3\0'

  let database: DatabaseSync | undefined
  let statements = new Map<string, StatementSync>()
  let inode = 0
  let leastBytes = 0
  let mustExist = config.mustExist
  let lastJob = 0
  let changedSinceSnapshot = false
  let snapshotTimer: NodeJS.Timeout | undefined
  let snapshotAtMs = 0

  class Broken extends Error {}

  const post = (message: FromWriter): void => port.postMessage(message)

  const failureOf = (error: unknown): WriteFailure => {
    const { message, errcode } = error as { message: string, errcode?: number }
    return { message, errcode }
  }

  function isDamage (error: unknown): boolean {
    if (error instanceof Broken) return true
    const { errcode, message } = error as { errcode?: number, message: string }
    if (errcode === undefined) return false
    return (errcode & 0xff) === 11 || (errcode & 0xff) === 26 || /^no such table: (entries|lines|runs|audit)/.test(message)
  }

  function sync (path: string): void {
    const file = fs.openSync(path, 'r')
    try {
      fs.fsyncSync(file)
    } finally {
      fs.closeSync(file)
    }
  }

  /** Made before the database sees it, so that its mode does not follow the umask. */
  function createEmpty (path: string): void {
    for (const suffix of ['', '-journal', '-wal', '-shm']) fs.rmSync(path + suffix, { force: true })
    const file = fs.openSync(path, 'wx', 0o600)
    fs.fchmodSync(file, 0o600)
    fs.closeSync(file)
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

  function migrate (db: DatabaseSync): void {
    for (let version = versionOf(db); version < config.migrations.length; version++) {
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

  function open (): DatabaseSync {
    if (!fs.existsSync(config.path)) {
      if (mustExist) throw new Broken('it is gone')
      create()
    }
    mustExist = true
    const found = fs.statSync(config.path)
    if (found.size === 0) throw new Broken('it is empty')
    const db = new Database(config.path, { timeout: 5000 })
    try {
      db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${config.synchronous}; PRAGMA cache_size = -1024; PRAGMA temp_store = MEMORY;
        PRAGMA wal_autocheckpoint = ${config.walPages}; PRAGMA journal_size_limit = ${config.walMaxBytes}`)
      migrate(db)
    } catch (error) {
      db.close()
      throw error
    }
    inode = found.ino
    leastBytes = found.size
    statements = new Map()
    return db
  }

  function close (): void {
    const db = database
    database = undefined
    statements = new Map()
    if (db?.isOpen) db.close()
  }

  /** An open file outlives its name: without this look a commit could go to a file that nobody will ever open again. */
  function checkFile (): void {
    const found = fs.statSync(config.path, { throwIfNoEntry: false })
    if (!found || found.ino !== inode) throw new Broken('it was taken away')
    if (found.size < leastBytes) throw new Broken('it was cut short')
    if (!hasMagic()) throw new Broken('it was overwritten')
    leastBytes = found.size
  }

  function hasMagic (): boolean {
    const start = Buffer.alloc(magic.length)
    const file = fs.openSync(config.path, 'r')
    try {
      fs.readSync(file, start, 0, magic.length, 0)
    } finally {
      fs.closeSync(file)
    }
    return start.toString('latin1') === magic
  }

  function prepared (db: DatabaseSync, sql: string): StatementSync {
    const known = statements.get(sql)
    if (known) return known
    if (statements.size >= maxStatements) statements.clear()
    const statement = db.prepare(sql)
    statements.set(sql, statement)
    return statement
  }

  const run = (db: DatabaseSync, { statements: list }: Job): number[] =>
    list.map(({ sql, params }) => Number(prepared(db, sql).run(...params).changes))

  /** A job that breaks a rule of the schema fails alone; anything else fails the whole transaction. */
  function attempt (db: DatabaseSync, job: Job): Answer {
    db.exec('SAVEPOINT job')
    try {
      const changes = run(db, job)
      db.exec('RELEASE job')
      return { job: job.job, changes }
    } catch (error) {
      const { errcode } = error as { errcode?: number }
      const alone = errcode === undefined || (errcode & 0xff) === 19 || (errcode & 0xff) === 1
      if (!alone || isDamage(error) || !db.isTransaction) throw error
      db.exec('ROLLBACK TO job; RELEASE job')
      return { job: job.job, failure: failureOf(error) }
    }
  }

  function commit (jobs: Job[]): Answer[] {
    database ??= open()
    checkFile()
    const db = database
    db.exec('BEGIN IMMEDIATE')
    const answers = jobs.map(job => attempt(db, job))
    db.exec('COMMIT')
    lastJob = jobs.at(-1)!.job
    changedSinceSnapshot = true
    return answers
  }

  function writeAll (jobs: Job[]): void {
    try {
      post({ done: commit(jobs) })
      scheduleSnapshot()
    } catch (error) {
      // Closing takes back what was begun, and the next attempt starts from the file as it is.
      close()
      if (isDamage(error)) return giveUp(error)
      const failure = failureOf(error)
      post({ done: jobs.map(({ job }) => ({ job, failure })) })
    }
  }

  function giveUp (error: unknown): void {
    clearTimeout(snapshotTimer)
    close()
    post({ broken: (error as Error).message })
    port.close()
  }

  function scheduleSnapshot (): void {
    if (snapshotTimer) return
    const waitMs = Math.max(config.snapshotDelayMs, snapshotAtMs + config.snapshotIntervalMs - Date.now())
    snapshotTimer = setTimeout(() => {
      snapshotTimer = undefined
      snapshotOrGiveUp()
    }, waitMs)
  }

  /** Copying reads every page, so it also finds damage, and a damaged database never becomes the last-good copy. */
  function snapshotOrGiveUp (): boolean {
    try {
      snapshot()
    } catch (error) {
      if (!isDamage(error)) return true
      giveUp(error)
      return false
    }
    return true
  }

  function snapshot (): void {
    if (!database || !changedSinceSnapshot) return
    checkFile()
    snapshotAtMs = Date.now()
    if (leastBytes > config.snapshotMaxBytes) return
    const temporary = `${config.snapshotPath}.creating`
    try {
      createEmpty(temporary)
      database.prepare('VACUUM INTO ?').run(temporary)
      publish(temporary, config.snapshotPath)
    } catch (error) {
      fs.rmSync(temporary, { force: true })
      throw error
    }
    changedSinceSnapshot = false
    post({ snapshotUpTo: lastJob })
  }

  function end (): void {
    clearTimeout(snapshotTimer)
    if (!snapshotOrGiveUp()) return
    try {
      // Closing the last connection folds the log into the database and removes it.
      close()
    } finally {
      port.close()
    }
  }

  function take (first: ToWriter): void {
    const jobs: Job[] = []
    let ending = false
    for (let message: ToWriter | undefined = first; message; message = receiveMessageOnPort(port)?.message) {
      if ('end' in message) ending = true
      else jobs.push(message)
    }
    if (jobs.length > 0) writeAll(jobs)
    if (ending) end()
  }

  port.on('message', take)
}
