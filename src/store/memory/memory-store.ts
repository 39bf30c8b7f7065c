import { GatewayError } from '../../protocol/errors.ts'
import type { AuditEntry, Collection, CollectionName, Entry, Store, StoreOp } from '../store.ts'
import { serialize } from '../serialize.ts'
import { createLineTable } from './line-table.ts'
import { createRunTable } from './run-table.ts'

export interface MemoryStoreOptions {
  /** Older ones are dropped beyond it. */
  maxAuditEntries?: number
}

/** Keeps nothing past the process: for tests and for gateways that are thrown away. Values are copied in and out, as a database does. */
export function createMemoryStore ({ maxAuditEntries = 100_000 }: MemoryStoreOptions = {}): Store {
  const tables = new Map<CollectionName, Map<string, string>>()
  const lines = createLineTable()
  const runs = createRunTable()
  const audit: Array<Omit<AuditEntry, 'value'> & { text: string }> = []
  let closed = false

  function tableOf (name: CollectionName): Map<string, string> {
    const known = tables.get(name)
    if (known) return known
    const created = new Map<string, string>()
    tables.set(name, created)
    return created
  }

  /** Returns how to take it back. Only deleting tells whether there was something. */
  function perform (op: StoreOp, text: string): { undo: () => void, changed: boolean } {
    switch (op.op) {
      case 'put':
      case 'delete': return change(op.collection, op.key, op.op === 'put' ? text : undefined)
      case 'append': return { undo: lines.append(op.sessionId, op.seq, op.id, text), changed: true }
      case 'forget': return { undo: lines.forget(op.sessionId), changed: true }
      case 'run': return { undo: runs.put(op.run, text), changed: true }
      case 'prune-runs': return { undo: runs.prune(op.beforeMs, op.limit), changed: true }
      case 'audit': {
        audit.push({ seq: (audit.at(-1)?.seq ?? 0) + 1, atMs: op.atMs, kind: op.kind, text })
        return { undo: () => { audit.pop() }, changed: true }
      }
    }
  }

  function change (name: CollectionName, key: string, text: string | undefined): { undo: () => void, changed: boolean } {
    const table = tableOf(name)
    const before = table.get(key)
    const set = (value: string | undefined): void => { value === undefined ? table.delete(key) : table.set(key, value) }
    set(text)
    return { undo: () => set(before), changed: before !== undefined || text !== undefined }
  }

  /** Serialises everything first: a value that cannot be stored changes nothing, and neither does a change that breaks a rule. */
  function apply (ops: StoreOp[]): boolean[] {
    if (closed) throw new GatewayError('STORE_UNAVAILABLE', { message: 'the state store is closed' })
    const texts = ops.map(op => 'value' in op ? serialize(op.value) : op.op === 'run' ? serialize(op.run.value) : '')
    const done: Array<() => void> = []
    try {
      const changes = ops.map((op, index) => {
        const { undo, changed } = perform(op, texts[index]!)
        done.push(undo)
        return changed
      })
      audit.splice(0, Math.max(0, audit.length - maxAuditEntries))
      return changes
    } catch (error) {
      for (const undo of done.reverse()) undo()
      throw error
    }
  }

  const collection = <T>(name: CollectionName): Collection<T> => ({
    async all () {
      const sorted = [...tableOf(name)].sort(([a], [b]) => a < b ? -1 : 1)
      return sorted.map(([key, text]): Entry<T> => ({ key, value: JSON.parse(text) }))
    },
    async get (key) {
      const text = tableOf(name).get(key)
      return text === undefined ? undefined : JSON.parse(text)
    },
    async put (key, value) { apply([{ op: 'put', collection: name, key, value }]) },
    async delete (key) { return apply([{ op: 'delete', collection: name, key }])[0]! }
  })

  return {
    collection,
    lines: lines.reads,
    runs: runs.reads,
    async audit ({ limit, before = Infinity, kind }) {
      const chosen = audit.filter(entry => entry.seq < before && (kind === undefined || entry.kind === kind)).slice(-limit).reverse()
      return chosen.map(({ text, ...entry }) => ({ ...entry, value: JSON.parse(text) }))
    },
    async commit (ops) { apply(ops) },
    status: () => ({ kind: 'memory', writable: !closed, notices: [], queued: 0 }),
    async close () { closed = true }
  }
}
