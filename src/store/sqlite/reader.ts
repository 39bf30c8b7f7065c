import { existsSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { openReadOnly } from './open-read-only.ts'
import type { SqlValue } from './writer-messages.ts'

/** Bounded statements on a read-only connection, which is let go when nobody reads. */
export interface Reader {
  all (sql: string, params: SqlValue[]): Array<Record<string, unknown>>
  close (): void
}

/** The path is asked for with each read: after a repair, or as long as only the last-good copy can be read, it is another one. */
export function createReader (path: () => string, idleMs: number): Reader {
  let open: { database: DatabaseSync, path: string } | undefined
  let idleTimer: NodeJS.Timeout | undefined

  function close (): void {
    clearTimeout(idleTimer)
    const { database } = open ?? {}
    open = undefined
    database?.close()
  }

  function keep (database: DatabaseSync, at: string): void {
    open = { database, path: at }
    clearTimeout(idleTimer)
    idleTimer = setTimeout(close, idleMs)
    idleTimer.unref()
  }

  return {
    all (sql, params) {
      const at = path()
      if (open && open.path !== at) close()
      if (!open && !existsSync(at)) return []
      const { database, frozen } = open ? { database: open.database, frozen: false } : openReadOnly(at)
      try {
        return database.prepare(sql).all(...params)
      } finally {
        if (frozen) database.close()
        else keep(database, at)
      }
    },
    close
  }
}
