import type { Migration } from './migrations.ts'

/** What the main thread and the writer thread say to each other. */
export type SqlValue = string | number | null

/** One change: the number of its text, and what is put into it. */
export interface Step {
  change: number
  params: SqlValue[]
}

export interface WriteJob {
  job: number
  steps: Step[]
}

export interface WriterConfig {
  path: string
  snapshotPath: string
  synchronous: 'FULL' | 'NORMAL'
  applicationId: number
  migrations: readonly Migration[]
  changeTexts: readonly string[]
  /** The database was there before: if it is gone now it was taken away, and must not silently begin anew. */
  mustExist: boolean
  /** Up to this size, log included, the writer makes the copy itself: a thread of its own takes longer to start than this takes. */
  quickCopyMaxBytes: number
  /** Quiet time after a change before the last-good copy is renewed, and the least time between two copies. */
  snapshotDelayMs: number
  snapshotIntervalMs: number
  /** Copies write no more than this on average: the larger the database, the longer the time between two. */
  snapshotBytesPerSecond: number
  /** Above this size no copy is made. */
  snapshotMaxBytes: number
  /** Up to this size the writer makes a last copy when it ends. */
  endingCopyMaxBytes: number
  /** The log is folded into the database at this many pages and cut to this many bytes. */
  walPages: number
  walMaxBytes: number
}

export type ToWriter =
  | { jobs: WriteJob[] }
  | { end: true }

export interface WriteFailure { message: string, errcode?: number }

export interface Settled {
  /** Each committed job and the number of rows that it changed, one after the other. */
  committed: number[]
  failed: Array<{ job: number, failure: WriteFailure }>
}

export type FromWriter =
  | Settled
  /** The file is damaged, emptied or gone. The jobs that were not answered are still to be done. */
  | { broken: string }
  /** The last-good copy holds everything up to this job. */
  | { snapshotUpTo: number }

export interface CopierConfig {
  path: string
  temporary: string
  snapshotPath: string
  /** The last committed job when the copy was begun: a copy that holds less is of a damaged database. */
  atLeast: number
}

export type FromCopier =
  | { upTo: number }
  | { damaged: string }
