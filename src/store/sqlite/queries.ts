import type { AuditEntry, Line, Lines, RunEntries, RunEntry } from '../store.ts'
import type { SqlValue } from './writer-messages.ts'

export type Row = Record<string, unknown>

export interface Queries {
  read (sql: string, params: SqlValue[]): Promise<Row[]>
  /** One record that cannot be understood must not take the others with it; it is left out, and somebody is told. */
  parse<T> (name: string, row: Row): { value: T } | undefined
}

const lineColumns = 'SELECT session_id, seq, id, value FROM lines WHERE session_id = ?'
const runColumns = 'SELECT run_id, session_key, claim, open, at_ms, value FROM runs'

const sql = {
  tail: `${lineColumns} AND seq < ? ORDER BY seq DESC LIMIT ?`,
  after: `${lineColumns} AND seq > ? ORDER BY seq LIMIT ?`,
  find: `${lineColumns} AND id = ?`,
  extent: `SELECT count(*) AS lines, sum(octet_length(value)) AS bytes,
    (SELECT max(seq) FROM lines WHERE session_id = ?1) AS last_seq FROM lines WHERE session_id = ?1`,
  run: `${runColumns} WHERE run_id = ?`,
  claimed: `${runColumns} WHERE claim = ?`,
  open: `${runColumns} WHERE open = 1 ORDER BY at_ms, rowid`,
  ofSession: `${runColumns} WHERE session_key = ? ORDER BY at_ms DESC, rowid DESC LIMIT ?`,
  audit: 'SELECT seq, at_ms, kind, value FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?',
  auditOfKind: 'SELECT seq, at_ms, kind, value FROM audit WHERE kind = ? AND seq < ? ORDER BY seq DESC LIMIT ?'
}

const present = <T>(values: Array<T | undefined>): T[] => values.filter(value => value !== undefined)

export function createLines ({ read, parse }: Queries): Lines {
  function lineOf<T> (row: Row): Line<T> | undefined {
    const parsed = parse<T>(`line ${row.session_id}/${row.seq}`, row)
    return parsed && { seq: Number(row.seq), id: String(row.id), value: parsed.value }
  }

  return {
    async tail<T> (sessionId: string, { limit, before = Number.MAX_SAFE_INTEGER }: { limit: number, before?: number }) {
      const rows = await read(sql.tail, [sessionId, before, limit])
      return present(rows.reverse().map(row => lineOf<T>(row)))
    },
    async after<T> (sessionId: string, { seq, limit }: { seq: number, limit: number }) {
      const rows = await read(sql.after, [sessionId, seq, limit])
      return present(rows.map(row => lineOf<T>(row)))
    },
    async find<T> (sessionId: string, id: string) {
      const [row] = await read(sql.find, [sessionId, id])
      return row && lineOf<T>(row)
    },
    async extent (sessionId) {
      const [row] = await read(sql.extent, [sessionId])
      return { lines: Number(row?.lines ?? 0), lastSeq: Number(row?.last_seq ?? 0), bytes: Number(row?.bytes ?? 0) }
    }
  }
}

export function createRunEntries ({ read, parse }: Queries): RunEntries {
  function runOf<T> (row: Row): RunEntry<T> | undefined {
    const parsed = parse<T>(`run ${row.run_id}`, row)
    return parsed && {
      runId: String(row.run_id),
      sessionKey: String(row.session_key),
      claim: String(row.claim),
      open: row.open === 1,
      atMs: Number(row.at_ms),
      value: parsed.value
    }
  }

  async function runs<T> (text: string, params: SqlValue[]): Promise<Array<RunEntry<T>>> {
    const rows = await read(text, params)
    return present(rows.map(row => runOf<T>(row)))
  }

  return {
    async get<T> (runId: string) { return (await runs<T>(sql.run, [runId]))[0] },
    async claimed<T> (claim: string) { return (await runs<T>(sql.claimed, [claim]))[0] },
    open: () => runs(sql.open, []),
    ofSession: (sessionKey, limit) => runs(sql.ofSession, [sessionKey, limit])
  }
}

export async function readAudit ({ read, parse }: Queries, page: { limit: number, before?: number, kind?: string }): Promise<AuditEntry[]> {
  const { limit, before = Number.MAX_SAFE_INTEGER, kind } = page
  const rows = kind === undefined ? await read(sql.audit, [before, limit]) : await read(sql.auditOfKind, [kind, before, limit])
  return present(rows.map(row => {
    const parsed = parse(`audit ${row.seq}`, row)
    return parsed && { seq: Number(row.seq), atMs: Number(row.at_ms), kind: String(row.kind), value: parsed.value }
  }))
}
