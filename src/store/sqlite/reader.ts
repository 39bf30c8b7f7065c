import { existsSync } from 'node:fs'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { openReadOnly } from './open-read-only.ts'
import type { SqlValue } from './writer-messages.ts'

/** Bounded statements on a read-only connection, which is let go when nobody reads. */
export interface Reader {
  all (sql: string, params: SqlValue[]): Array<Record<string, unknown>>
  close (): void
}

interface Connection {
  database: DatabaseSync
  path: string
  /** One for each text; the texts are a closed set. */
  statements: Map<string, StatementSync>
  usedAtMs: number
}

/** The path is asked for with each read: after a repair, or as long as only the last-good copy can be read, it is another one. */
export function createReader (path: () => string, idleMs: number): Reader {
  let open: Connection | undefined
  let idleTimer: NodeJS.Timeout | undefined

  function close (): void {
    clearTimeout(idleTimer)
    idleTimer = undefined
    const { database } = open ?? {}
    open = undefined
    database?.close()
  }

  /** One timer for a row of reads, not one for each. */
  function watch (afterMs: number): void {
    idleTimer = setTimeout(() => {
      const restMs = open ? open.usedAtMs + idleMs - performance.now() : 0
      if (restMs > 0) watch(restMs)
      else close()
    }, afterMs)
    idleTimer.unref()
  }

  function connect (at: string): Connection {
    const { database, frozen } = openReadOnly(at)
    const connection = { database, path: at, statements: new Map(), usedAtMs: 0 }
    if (!frozen) open = connection
    return connection
  }

  function prepared ({ database, statements }: Connection, sql: string): StatementSync {
    const known = statements.get(sql)
    if (known) return known
    const statement = database.prepare(sql)
    statements.set(sql, statement)
    return statement
  }

  return {
    all (sql, params) {
      const at = path()
      if (open && open.path !== at) close()
      if (!open && !existsSync(at)) return []
      const connection = open ?? connect(at)
      try {
        return prepared(connection, sql).all(...params)
      } finally {
        connection.usedAtMs = performance.now()
        if (connection !== open) connection.database.close()
        else if (!idleTimer) watch(idleMs)
      }
    },
    close
  }
}
