import { serialize } from '../serialize.ts'
import type { RunEntry, StoreOp } from '../store.ts'
import type { Statement } from './writer-messages.ts'

/** Every text that changes the database. */
const sql = {
  put: 'INSERT INTO entries (collection, key, value) VALUES (?, ?, ?) ON CONFLICT (collection, key) DO UPDATE SET value = excluded.value',
  delete: 'DELETE FROM entries WHERE collection = ? AND key = ?',
  append: 'INSERT INTO lines (session_id, seq, id, value) VALUES (?, ?, ?, ?)',
  forget: 'DELETE FROM lines WHERE session_id = ?',
  run: `INSERT INTO runs (run_id, session_key, claim, open, at_ms, value) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (run_id) DO UPDATE SET
      session_key = excluded.session_key, claim = excluded.claim, open = excluded.open, at_ms = excluded.at_ms, value = excluded.value`,
  pruneRuns: 'DELETE FROM runs WHERE run_id IN (SELECT run_id FROM runs WHERE open = 0 AND at_ms < ? ORDER BY at_ms LIMIT ?)',
  audit: 'INSERT INTO audit (at_ms, kind, value) VALUES (?, ?, ?)',
  trimAudit: 'DELETE FROM audit WHERE seq <= (SELECT max(seq) FROM audit) - ?'
}

const ofRun = ({ runId, sessionKey, claim, open, atMs, value }: RunEntry): Statement =>
  ({ sql: sql.run, params: [runId, sessionKey, claim, open ? 1 : 0, atMs, serialize(value)] })

/** What a change does to the database. Throws when its value cannot be stored. */
export function statementsOf (op: StoreOp, maxAuditEntries: number): Statement[] {
  switch (op.op) {
    case 'put': return [{ sql: sql.put, params: [op.collection, op.key, serialize(op.value)] }]
    case 'delete': return [{ sql: sql.delete, params: [op.collection, op.key] }]
    case 'append': return [{ sql: sql.append, params: [op.sessionId, op.seq, op.id, serialize(op.value)] }]
    case 'forget': return [{ sql: sql.forget, params: [op.sessionId] }]
    case 'run': return [ofRun(op.run)]
    case 'prune-runs': return [{ sql: sql.pruneRuns, params: [op.beforeMs, op.limit] }]
    case 'audit': return [{ sql: sql.audit, params: [op.atMs, op.kind, serialize(op.value)] }, { sql: sql.trimAudit, params: [maxAuditEntries] }]
  }
}
