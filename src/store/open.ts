import { createSqliteStore, type SqliteStoreOptions } from './sqlite/sqlite-store.ts'
import type { Store } from './store.ts'

/** The store of a gateway that is one process: SQLite in the state directory. */
export const openStore = (options: SqliteStoreOptions): Promise<Store> => createSqliteStore(options)
