import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Worker as Thread } from 'node:worker_threads'
import type { copyDatabase } from './copy-database.ts'
import type { databaseFiles } from './thread-files.ts'
import type { CopierConfig, FromCopier, FromWriter, Settled, ToWriter, WriteFailure, WriteJob, WriterConfig } from './writer-messages.ts'

/**
 * The one thread that writes. It takes everything that has queued up, commits it as one transaction and answers after the commit.
 *
 * Its text is handed to a worker, so it must stand alone: no imports but types, nothing from around it. A worker that loads a
 * TypeScript module needs a second type stripper: 17 MB and 40 ms more than this. What it does with files and the copier come in the
 * same way.
 */
export function writerThread (filesOf: typeof databaseFiles, copyOf: typeof copyDatabase): void {
  const { parentPort, receiveMessageOnPort, Worker, workerData } = process.getBuiltinModule('node:worker_threads')
  const fs = process.getBuiltinModule('node:fs')
  const { DatabaseSync: Database } = process.getBuiltinModule('node:sqlite')
  const config = workerData as WriterConfig
  const files = filesOf(config)
  const port = parentPort!
  const magic = Buffer.from('SQLite format 3\0', 'latin1')
  const start = Buffer.alloc(magic.length)
  const markText = 'INSERT INTO mark VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET job = excluded.job'

  let database: DatabaseSync | undefined
  let statements = new Map<string, StatementSync>()
  /** For looking at the first bytes. Closing a file lets go of all locks on it, so it is closed after the database. */
  let file: number | undefined
  let inode = 0
  let leastBytes = 0
  let mustExist = config.mustExist
  let lastJob = 0
  let changedSinceSnapshot = false
  let snapshotTimer: NodeJS.Timeout | undefined
  let snapshotAtMs = 0
  let copier: Thread | undefined
  let ending = false
  let lastCopyBegun = false

  class Broken extends Error {}

  const post = (message: FromWriter): void => port.postMessage(message)

  const failureOf = ({ message, errcode }: Error & WriteFailure): WriteFailure => ({ message, errcode })

  function isDamage (error: unknown): boolean {
    if (error instanceof Broken) return true
    const { errcode, message } = error as { errcode?: number, message: string }
    if (errcode === undefined) return false
    return (errcode & 0xff) === 11 || (errcode & 0xff) === 26 || /^no such table: (entries|lines|runs|audit)/.test(message)
  }

  function open (): DatabaseSync {
    if (!fs.existsSync(config.path)) {
      if (mustExist) throw new Broken('it is gone')
      files.create()
    }
    mustExist = true
    const found = fs.statSync(config.path)
    if (found.size === 0) throw new Broken('it is empty')
    file = fs.openSync(config.path, 'r')
    const db = new Database(config.path, { timeout: 5000 })
    try {
      db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${config.synchronous}; PRAGMA cache_size = -4096; PRAGMA temp_store = MEMORY;
        PRAGMA wal_autocheckpoint = ${config.walPages}; PRAGMA journal_size_limit = ${config.walMaxBytes}`)
      files.migrate(db)
    } catch (error) {
      db.close()
      throw error
    }
    inode = found.ino
    leastBytes = found.size
    snapshotAtMs = fs.statSync(config.snapshotPath, { throwIfNoEntry: false })?.mtimeMs ?? 0
    return db
  }

  function close (): void {
    const db = database
    database = undefined
    statements = new Map()
    try {
      if (db?.isOpen) db.close()
    } finally {
      if (file !== undefined) fs.closeSync(file)
      file = undefined
    }
  }

  /** An open file outlives its name: without this look a commit could go to a file that nobody will ever open again. */
  function checkFile (): void {
    const found = fs.statSync(config.path, { throwIfNoEntry: false })
    if (!found || found.ino !== inode) throw new Broken('it was taken away')
    if (found.size < leastBytes) throw new Broken('it was cut short')
    if (fs.readSync(file!, start, 0, magic.length, 0) < magic.length || !start.equals(magic)) throw new Broken('it was overwritten')
    leastBytes = found.size
  }

  function prepared (db: DatabaseSync, text: string): StatementSync {
    const known = statements.get(text)
    if (known) return known
    const statement = db.prepare(text)
    statements.set(text, statement)
    return statement
  }

  function perform (db: DatabaseSync, { steps }: WriteJob): number {
    let changes = 0
    for (const { change, params } of steps) changes += Number(prepared(db, config.changeTexts[change]!).run(...params).changes)
    return changes
  }

  /** A mistake of one job, as opposed to a disk that refuses or a file that is damaged. */
  function failsAlone (error: unknown): boolean {
    const { errcode } = error as { errcode?: number }
    return (errcode === undefined || [1, 19].includes(errcode & 0xff)) && !isDamage(error)
  }

  /** All jobs without a thought of failing, which is nearly always right. */
  function together (db: DatabaseSync, jobs: WriteJob[]): Settled {
    return { committed: jobs.flatMap(job => [job.job, perform(db, job)]), failed: [] }
  }

  /** A job that breaks a rule of the schema fails alone; anything else fails the whole transaction. */
  function apart (db: DatabaseSync, jobs: WriteJob[]): Settled {
    const settled: Settled = { committed: [], failed: [] }
    for (const job of jobs) {
      db.exec('SAVEPOINT job')
      try {
        settled.committed.push(job.job, perform(db, job))
        db.exec('RELEASE job')
      } catch (error) {
        if (!failsAlone(error) || !db.isTransaction) throw error
        db.exec('ROLLBACK TO job; RELEASE job')
        settled.failed.push({ job: job.job, failure: failureOf(error as Error) })
      }
    }
    return settled
  }

  function commit (jobs: WriteJob[]): Settled {
    database ??= open()
    checkFile()
    const db = database
    prepared(db, 'BEGIN IMMEDIATE').run()
    let settled: Settled
    try {
      settled = together(db, jobs)
    } catch (error) {
      if (!failsAlone(error)) throw error
      if (db.isTransaction) db.exec('ROLLBACK')
      db.exec('BEGIN IMMEDIATE')
      settled = apart(db, jobs)
    }
    prepared(db, markText).run(jobs.at(-1)!.job)
    prepared(db, 'COMMIT').run()
    lastJob = jobs.at(-1)!.job
    changedSinceSnapshot = true
    return settled
  }

  function writeAll (jobs: WriteJob[]): void {
    try {
      post(commit(jobs))
      scheduleSnapshot()
    } catch (error) {
      // Closing takes back what was begun, and the next attempt starts from the file as it is.
      close()
      if (isDamage(error)) return giveUp(error)
      const failure = failureOf(error as Error)
      post({ committed: [], failed: jobs.map(({ job }) => ({ job, failure })) })
    }
  }

  function giveUp (error: unknown): void {
    clearTimeout(snapshotTimer)
    copier?.terminate()
    close()
    post({ broken: (error as Error).message })
    port.close()
  }

  function scheduleSnapshot (): void {
    if (snapshotTimer || copier || ending || leastBytes > config.snapshotMaxBytes) return
    const intervalMs = Math.max(config.snapshotIntervalMs, leastBytes / config.snapshotBytesPerSecond * 1000)
    const waitMs = Math.max(config.snapshotDelayMs, Math.min(intervalMs, snapshotAtMs + intervalMs - Date.now()))
    snapshotTimer = setTimeout(beginSnapshot, waitMs)
  }

  function beginSnapshot (): void {
    snapshotTimer = undefined
    try {
      if (!database || !changedSinceSnapshot) return
      checkFile()
      const temporary = `${config.snapshotPath}.creating`
      files.createEmpty(temporary)
      const copy: CopierConfig = { path: config.path, temporary, snapshotPath: config.snapshotPath, atLeast: lastJob }
      if (bytesOnDisk() <= config.quickCopyMaxBytes) hearCopier(copyOf(copy))
      else startCopier(copy)
    } catch (error) {
      if (isDamage(error)) giveUp(error)
    }
  }

  function bytesOnDisk (): number {
    return leastBytes + (fs.statSync(`${config.path}-wal`, { throwIfNoEntry: false })?.size ?? 0)
  }

  function startCopier (workerData: CopierConfig): void {
    const program = `const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
      parentPort.postMessage((${copyOf})(workerData))`
    const resourceLimits = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 2 }
    copier = new Worker(program, { eval: true, name: 'store-copy', workerData, resourceLimits })
    copier.on('message', hearCopier)
    // What kept it from copying may have passed when the next change comes.
    copier.on('error', () => {})
    copier.once('exit', () => {
      copier = undefined
      if (ending) end()
      else if (changedSinceSnapshot && database) scheduleSnapshot()
    })
  }

  function hearCopier (message: FromCopier | undefined): void {
    if (message === undefined) return
    if ('damaged' in message) return giveUp(new Broken(message.damaged))
    copied(message.upTo)
  }

  function copied (upTo: number): void {
    snapshotAtMs = Date.now()
    changedSinceSnapshot = lastJob > upTo
    post({ snapshotUpTo: upTo })
  }

  /** The last copy is made after the last commit, unless that would hold up whoever waits for the end. */
  function end (): void {
    ending = true
    clearTimeout(snapshotTimer)
    if (!lastCopyBegun && leastBytes <= Math.min(config.endingCopyMaxBytes, config.snapshotMaxBytes)) {
      lastCopyBegun = !copier
      if (!copier) beginSnapshot()
    }
    if (copier) return
    try {
      // Closing the last connection folds the log into the database and removes it.
      close()
    } finally {
      port.close()
    }
  }

  function take (first: ToWriter): void {
    const jobs: WriteJob[] = []
    let last = false
    for (let message: ToWriter | undefined = first; message; message = receiveMessageOnPort(port)?.message) {
      if ('end' in message) last = true
      else jobs.push(...message.jobs)
    }
    if (jobs.length > 0) writeAll(jobs)
    if (last) end()
  }

  port.on('message', take)
}
