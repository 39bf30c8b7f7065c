import { serialize } from '../serialize.ts'
import type { RunEntry, StoreOp } from '../store.ts'
import type { SqlValue, Step } from './writer-messages.ts'

/** Every text that changes the database. The writer knows them by their numbers. */
const texts = {
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

type Change = keyof typeof texts

const numbers = Object.fromEntries(Object.keys(texts).map((name, number) => [name, number])) as { readonly [name in Change]: number }
export const changeTexts: readonly string[] = Object.values(texts)

const step = (change: Change, ...params: SqlValue[]): Step => ({ change: numbers[change], params })

const ofRun = ({ runId, sessionKey, claim, open, atMs, value }: RunEntry): Step =>
  step('run', runId, sessionKey, claim, open ? 1 : 0, atMs, serialize(value))

/** What a change does to the database. Throws when its value cannot be stored. */
export function stepsOf (op: StoreOp, maxAuditEntries: number): Step[] {
  switch (op.op) {
    case 'put': return [step('put', op.collection, op.key, serialize(op.value))]
    case 'delete': return [step('delete', op.collection, op.key)]
    case 'append': return [step('append', op.sessionId, op.seq, op.id, serialize(op.value))]
    case 'forget': return [step('forget', op.sessionId)]
    case 'run': return [ofRun(op.run)]
    case 'prune-runs': return [step('pruneRuns', op.beforeMs, op.limit)]
    case 'audit': return [step('audit', op.atMs, op.kind, serialize(op.value)), step('trimAudit', maxAuditEntries)]
  }
}
