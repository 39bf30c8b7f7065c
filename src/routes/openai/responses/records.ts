/** Which responses are remembered, and whose they are. What was said stands in the conversation, and nowhere else. */
import type { Collection, Store } from '../../../store/store.ts'
import type { Echo, Ending } from './shapes.ts'

export interface ResponseRecord {
  readonly name: string
  readonly runId: string
  /** Whoever made it; it is there for nobody else. */
  readonly principal: string
  readonly sessionKey: string
  readonly createdAtMs: number
  readonly echo: Echo
  /** Calls that the request brought answers to: what the model said comes after them. */
  readonly answered: readonly string[]
  /** What the model thought is shown. */
  readonly thoughts: boolean
  /** Where nothing in the conversation says how it ended. */
  readonly ending?: Ending
}

export interface RecordLimits {
  readonly maxEntries: number
  readonly maxAgeMs: number
}

export interface ResponseRecords {
  /** Undefined also for those of others. */
  get (name: string, principal: string): Promise<ResponseRecord | undefined>
  put (record: ResponseRecord): Promise<void>
  delete (name: string): Promise<boolean>
}

export interface RecordsOptions {
  readonly store: Pick<Store, 'collection' | 'commit'>
  readonly limits: () => RecordLimits
  readonly now: () => number
  readonly log: { warn (fields: object, message: string): void }
}

/** New responses between two looks at what may be forgotten. */
const pruneEvery = 100

export function createRecords ({ store, limits, now, log }: RecordsOptions): ResponseRecords {
  const records: Collection<ResponseRecord> = store.collection('responses')
  /** When each was made, oldest first; read once, when the first one is kept. */
  let times: Promise<Map<string, number>> | undefined
  let kept = 0

  async function read (): Promise<Map<string, number>> {
    try {
      const all = await records.all()
      return new Map(all.map(({ key, value }) => [key, value.createdAtMs] as const).sort(([, a], [, b]) => a - b))
    } catch (error) {
      times = undefined
      throw error
    }
  }

  async function forgetOld (): Promise<void> {
    const known = await (times ??= read())
    const { maxEntries, maxAgeMs } = limits()
    const old: string[] = []
    for (const [key, atMs] of known) {
      if (known.size - old.length <= maxEntries && now() - atMs <= maxAgeMs) break
      old.push(key)
    }
    if (old.length === 0) return
    await store.commit(old.map(key => ({ op: 'delete', collection: 'responses', key })))
    for (const key of old) known.delete(key)
  }

  return {
    async get (name, principal) {
      const record = await records.get(name)
      if (record?.principal !== principal || now() - record.createdAtMs > limits().maxAgeMs) return undefined
      return record
    },
    async put (record) {
      const written = records.put(record.name, record)
      if (kept++ % pruneEvery === 0) forgetOld().catch((err: unknown) => log.warn({ err }, 'old responses could not be forgotten'))
      await written
      times?.then(known => known.set(record.name, record.createdAtMs), () => {})
    },
    async delete (name) {
      times?.then(known => known.delete(name), () => {})
      return await records.delete(name)
    }
  }
}
