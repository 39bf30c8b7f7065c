import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { GatewayError, isGatewayError } from '../../protocol/errors.ts'
import type { Collection, CollectionName, Entry, Store, StoreStatus } from '../store.ts'
import { isDamage, storeUnavailable } from './failures.ts'
import { ensureDirectory, storePaths } from './files.ts'
import { createKeeper } from './keeper.ts'
import { applicationId, migrations, type Migration } from './migrations.ts'
import { createLines, createRunEntries, readAudit, type Queries, type Row } from './queries.ts'
import { createReader } from './reader.ts'
import { changeTexts, stepsOf } from './statements.ts'
import { createWriter } from './writer.ts'
import type { SqlValue, Step } from './writer-messages.ts'

export interface SqliteStoreOptions {
  stateDir: string
  /** `process` survives a crash of the gateway, `full` also a power cut. */
  durability?: 'full' | 'process'
  /** Look only: nothing is written, moved or repaired. For commands beside a running gateway. */
  readOnly?: boolean
  now?: () => number
  /** Called with each notice as it arises. */
  notice?: (text: string) => void
  /** Steps of the schema; the default is what this version knows. */
  migrations?: readonly Migration[]
  /** The writer and the reader let go of the database after this time without work. */
  idleMs?: number
  snapshotDelayMs?: number
  snapshotIntervalMs?: number
  snapshotMaxBytes?: number
  /** Older ones are dropped beyond it. */
  maxAuditEntries?: number
}

const mebibyte = 1024 * 1024
const limits = { maxQueuedJobs: 10_000, maxQueuedBytes: 32 * mebibyte, maxJournalBytes: 4 * mebibyte }
const maxNotices = 50

/** Rows that are read and parsed in one turn of the event loop. */
const pageRows = 256

const sql = {
  first: 'SELECT key, value FROM entries WHERE collection = ? ORDER BY key LIMIT ?',
  next: 'SELECT key, value FROM entries WHERE collection = ? AND key > ? ORDER BY key LIMIT ?',
  get: 'SELECT value FROM entries WHERE collection = ? AND key = ?'
}

/** Opens the state directory's database. Costs nothing when there is none yet, and no thread before the first write. */
export async function createSqliteStore (options: SqliteStoreOptions): Promise<Store> {
  const { readOnly = false, idleMs = 10_000, now = Date.now, migrations: steps = migrations, maxAuditEntries = 100_000 } = options
  const paths = storePaths(options.stateDir)
  const files = { database: paths.database, wal: `${paths.database}-wal`, copy: paths.snapshot }
  const notices: string[] = []
  let writable = !readOnly
  let closed = false
  let recovering: Promise<void> | undefined

  function notice (text: string): void {
    if (notices.at(-1) === text) return
    notices.push(text)
    if (notices.length > maxNotices) notices.shift()
    options.notice?.(text)
  }

  if (!readOnly) ensureDirectory(paths.directory)
  const keeper = createKeeper({ paths, readOnly, now, notice, knownVersion: steps.length })
  const reader = createReader(() => keeper.readFrom, Math.min(idleMs, 5000))
  const writer = createWriter({
    ...limits,
    idleMs,
    config: () => ({
      path: paths.database,
      snapshotPath: paths.snapshot,
      synchronous: options.durability === 'process' ? 'NORMAL' : 'FULL',
      applicationId,
      migrations: steps,
      changeTexts,
      mustExist: keeper.claim(),
      snapshotDelayMs: options.snapshotDelayMs ?? 1500,
      snapshotIntervalMs: options.snapshotIntervalMs ?? 15_000,
      snapshotMaxBytes: options.snapshotMaxBytes ?? 512 * mebibyte,
      snapshotBytesPerSecond: mebibyte / 4,
      endingCopyMaxBytes: 16 * mebibyte,
      quickCopyMaxBytes: mebibyte,
      walPages: 512,
      walMaxBytes: 2 * mebibyte
    }),
    ending: () => reader.close(),
    recover (reason, journalComplete) {
      reader.close()
      keeper.recover(reason, journalComplete)
    },
    settled (refusal) {
      if (!refusal) keeper.written()
      if (refusal && writable) notice(`${refusal.message}; reading goes on, and the next change tries again`)
      if (!refusal && !writable) notice('the state store writes again')
      writable = !refusal
    }
  })

  async function write (steps: Step[]): Promise<number> {
    if (closed) throw new GatewayError('STORE_UNAVAILABLE', { message: 'the state store is closed' })
    if (readOnly) throw new GatewayError('STORE_UNAVAILABLE', { message: 'the state store was opened to read only' })
    return writer.run(steps)
  }

  function recover (reason: string): Promise<void> {
    recovering ??= writer.recover(reason).finally(() => { recovering = undefined })
    return recovering
  }

  async function read (text: string, params: SqlValue[]): Promise<Array<Record<string, unknown>>> {
    await recovering
    await writer.repaired
    try {
      return reader.all(text, params)
    } catch (error) {
      if (!isDamage(error) || readOnly) throw isGatewayError(error) ? error : storeUnavailable(error)
      return readAgain(text, params)
    }
  }

  /** The connection may only be one to a file that was replaced meanwhile; what a fresh one says counts. */
  async function readAgain (text: string, params: SqlValue[]): Promise<Array<Record<string, unknown>>> {
    reader.close()
    await writer.repaired
    try {
      return reader.all(text, params)
    } catch (error) {
      if (!isDamage(error)) throw storeUnavailable(error)
      await recover((error as Error).message)
      return reader.all(text, params)
    }
  }

  function parse<T> (name: string, { value }: Row): { value: T } | undefined {
    try {
      return { value: JSON.parse(String(value)) }
    } catch {
      notice(`${paths.database}: the record ${name} cannot be read and is left out`)
      return undefined
    }
  }

  const collection = <T>(name: CollectionName): Collection<T> => ({
    async all () {
      const entries: Array<Entry<T>> = []
      let rows = await read(sql.first, [name, pageRows])
      for (;;) {
        for (const row of rows) {
          const parsed = parse<T>(`${name}/${row.key}`, row)
          if (parsed) entries.push({ key: String(row.key), value: parsed.value })
        }
        if (rows.length < pageRows) return entries
        await yieldToOthers()
        rows = await read(sql.next, [name, String(rows.at(-1)!.key), pageRows])
      }
    },
    async get (key) {
      const [row] = await read(sql.get, [name, key])
      return row && parse<T>(`${name}/${key}`, row)?.value
    },
    async put (key, value) { await write(stepsOf({ op: 'put', collection: name, key, value }, maxAuditEntries)) },
    async delete (key) {
      return await write(stepsOf({ op: 'delete', collection: name, key }, maxAuditEntries)) > 0
    }
  })

  const queries: Queries = { read, parse }

  keeper.open()
  // A new schema is in place before anyone reads; every later start finds it there.
  if (!readOnly && keeper.outdated) await writer.run([])

  return {
    collection,
    lines: createLines(queries),
    runs: createRunEntries(queries),
    audit: page => readAudit(queries, page),
    async commit (ops) { if (ops.length > 0) await write(ops.flatMap(op => stepsOf(op, maxAuditEntries))) },
    status: (): StoreStatus => ({ kind: 'sqlite', path: paths.database, files, writable, notices: [...notices], queued: writer.queued }),
    async close () {
      closed = true
      await recovering
      reader.close()
      await writer.close()
    }
  }
}
