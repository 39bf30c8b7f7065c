/**
 * Where the gateway keeps what must survive it. Asynchronous everywhere, so that a database on another machine fits behind it.
 * A promise that resolves means: on the disk, and still there after `kill -9` and a power cut.
 */

/** Small tables of whole records, each loaded into a bounded projection by the room that owns it. Names are for ever. */
export const collectionNames = [
  'devices', 'device-requests', 'node-surfaces', 'setup-codes', 'idempotency', 'gateway', 'sessions', 'session-groups', 'agents', 'approvals',
  'exec-approvals', 'responses',
  'api-keys', 'api-key-usage', 'channel-accounts', 'channel-memory', 'system-events', 'hook-deliveries',
  'outbound', 'live-replies', 'channel-requests', 'channel-allowed', 'channel-receipts', 'cron-jobs', 'cron-runs',
  'automation-turns', 'node-work', 'node-stats'
] as const
export type CollectionName = typeof collectionNames[number]

export interface Entry<T> {
  key: string
  value: T
}

export interface Collection<T> {
  /** In the order of their keys. */
  all (): Promise<Array<Entry<T>>>
  get (key: string): Promise<T | undefined>
  put (key: string, value: T): Promise<void>
  /** True when there was something to delete. */
  delete (key: string): Promise<boolean>
}

/** One line of a conversation. `seq` grows within a session id; the room that owns the session hands it out. */
export interface Line<T = unknown> {
  seq: number
  id: string
  value: T
}

/** Append-only conversations by session id. Every read is bounded by its caller. */
export interface Lines {
  /** The last `limit` lines (before `before`, when given), oldest first. */
  tail<T> (sessionId: string, page: { limit: number, before?: number }): Promise<Array<Line<T>>>
  /** Up to `limit` lines after `seq`, oldest first. */
  after<T> (sessionId: string, page: { seq: number, limit: number }): Promise<Array<Line<T>>>
  find<T> (sessionId: string, id: string): Promise<Line<T> | undefined>
  extent (sessionId: string): Promise<{ lines: number, lastSeq: number, bytes: number }>
}

/** One accepted request to an agent, from acceptance until it is pruned. */
export interface RunEntry<T = unknown> {
  runId: string
  sessionKey: string
  /** Caller, method and idempotency key as one text. No two runs have the same. */
  claim: string
  /** Not settled yet: these are what a start must look at. */
  open: boolean
  atMs: number
  value: T
}

export interface RunEntries {
  get<T> (runId: string): Promise<RunEntry<T> | undefined>
  claimed<T> (claim: string): Promise<RunEntry<T> | undefined>
  /** Every run that is not settled, oldest first. */
  open<T> (): Promise<Array<RunEntry<T>>>
  /** The newest runs of a session, newest first. */
  ofSession<T> (sessionKey: string, limit: number): Promise<Array<RunEntry<T>>>
}

export interface AuditEntry {
  seq: number
  atMs: number
  kind: string
  value: unknown
}

export type StoreOp =
  | { op: 'put', collection: CollectionName, key: string, value: unknown }
  | { op: 'delete', collection: CollectionName, key: string }
  | { op: 'append', sessionId: string, seq: number, id: string, value: unknown }
  /** Forgets a whole conversation. */
  | { op: 'forget', sessionId: string }
  /** Inserts or replaces by run id. A second run with the same claim is refused: the whole commit fails with CLAIM_TAKEN. */
  | { op: 'run', run: RunEntry }
  /** Drops settled runs older than `beforeMs`, at most `limit` of them. */
  | { op: 'prune-runs', beforeMs: number, limit: number }
  | { op: 'audit', atMs: number, kind: string, value: unknown }

export interface StoreStatus {
  kind: 'memory' | 'sqlite'
  path?: string
  /** Where it lies on the disk, by what it is. */
  files?: { readonly [file in 'database' | 'wal' | 'copy']: string }
  /** False after a write failed, until one succeeds again. Reads go on. */
  writable: boolean
  /** What happened to the stored data since the start, in sentences for people: quarantined, recovered, refused. */
  notices: string[]
  /** Changes handed over but not yet committed. */
  queued: number
}

export interface Store {
  collection<T> (name: CollectionName): Collection<T>
  readonly lines: Lines
  readonly runs: RunEntries
  /** The newest entries, newest first. The oldest are dropped beyond the bound of the table. */
  audit (page: { limit: number, before?: number, kind?: string }): Promise<AuditEntry[]>
  /** All of the changes or none of them. */
  commit (ops: StoreOp[]): Promise<void>
  status (): StoreStatus
  /** Writes what is queued, then lets go of every file and thread. Twice is safe. */
  close (): Promise<void>
}
