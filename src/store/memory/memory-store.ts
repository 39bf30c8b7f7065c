import type { Collection, CollectionName, Entry, Store, StoreOp } from '../store.ts'
import { serialize } from '../serialize.ts'

/** Keeps nothing past the process: for tests and for gateways that are thrown away. Values are copied in and out, as a database does. */
export function createMemoryStore (): Store {
  const tables = new Map<CollectionName, Map<string, string>>()
  let closed = false

  function tableOf (name: CollectionName): Map<string, string> {
    const known = tables.get(name)
    if (known) return known
    const created = new Map<string, string>()
    tables.set(name, created)
    return created
  }

  /** Serialises everything first: a value that cannot be stored changes nothing. */
  function apply (ops: StoreOp[]): boolean[] {
    if (closed) throw new Error('the store is closed')
    const texts = ops.map(op => op.op === 'put' ? serialize(op.value) : '')
    return ops.map((op, index) => {
      const table = tableOf(op.collection)
      if (op.op === 'delete') return table.delete(op.key)
      table.set(op.key, texts[index]!)
      return true
    })
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
    async commit (ops) { apply(ops) },
    status: () => ({ kind: 'memory', writable: !closed, notices: [], queued: 0 }),
    async close () { closed = true }
  }
}
