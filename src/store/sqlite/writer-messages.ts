import type { Migration } from './migrations.ts'

/** What the main thread and the writer thread say to each other. */
export type SqlValue = string | number | null

export interface Statement {
  sql: string
  params: SqlValue[]
}

export interface WriterConfig {
  path: string
  snapshotPath: string
  synchronous: 'FULL' | 'NORMAL'
  applicationId: number
  migrations: readonly Migration[]
  /** The database was there before: if it is gone now it was taken away, and must not silently begin anew. */
  mustExist: boolean
  /** Quiet time after a change before the last-good copy is renewed, and the least time between two copies. */
  snapshotDelayMs: number
  snapshotIntervalMs: number
  /** Above this size no copy is made: it would hold up the writes. */
  snapshotMaxBytes: number
  /** The log is folded into the database at this many pages and cut to this many bytes. */
  walPages: number
  walMaxBytes: number
}

export type ToWriter =
  | { job: number, statements: Statement[] }
  | { end: true }

export interface WriteFailure { message: string, errcode?: number }

export type FromWriter =
  | { done: Array<{ job: number, changes?: number[], failure?: WriteFailure }> }
  /** The file is damaged, emptied or gone. The jobs that were not answered are still to be done. */
  | { broken: string }
  /** The last-good copy holds everything up to this job. */
  | { snapshotUpTo: number }
