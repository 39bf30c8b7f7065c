/**
 * Where the gateway keeps what must survive it. Asynchronous everywhere, so that a database on another machine fits behind it.
 * A promise that resolves means: on the disk, and still there after `kill -9` and a power cut.
 */

/** Small tables of whole records, each loaded into a bounded projection by the room that owns it. Names are for ever. */
export const collectionNames = [
  'devices', 'device-requests', 'node-surfaces', 'setup-codes', 'idempotency', 'gateway'
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

export type StoreOp =
  | { op: 'put', collection: CollectionName, key: string, value: unknown }
  | { op: 'delete', collection: CollectionName, key: string }

export interface StoreStatus {
  kind: 'memory' | 'sqlite'
  path?: string
  /** False after a write failed, until one succeeds again. Reads go on. */
  writable: boolean
  /** What happened to the stored data since the start, in sentences for people: quarantined, recovered, refused. */
  notices: string[]
  /** Changes handed over but not yet committed. */
  queued: number
}

export interface Store {
  collection<T> (name: CollectionName): Collection<T>
  /** All of the changes or none of them. */
  commit (ops: StoreOp[]): Promise<void>
  status (): StoreStatus
  /** Writes what is queued, then lets go of every file and thread. Twice is safe. */
  close (): Promise<void>
}
