/** Texts that wait until an agent is up anyway: with its next wake or heartbeat it hears of them. */
import { randomUUID } from 'node:crypto'
import { GatewayError } from '../protocol/errors.ts'
import type { Store } from '../store/store.ts'

interface Waiting {
  readonly sessionKey: string
  readonly text: string
  readonly atMs: number
}

export interface SystemEvents {
  /** Durable when it resolves. The same text does not wait twice. */
  add (sessionKey: string, text: string): Promise<'queued' | 'coalesced'>
  /**
   * Everything that waits for a session and that nobody else is about to tell, oldest first. `done` forgets it, once somebody has it for
   * certain; `giveBack` leaves it to the next one.
   */
  take (sessionKey: string): Promise<{ readonly texts: readonly string[], done (): Promise<void>, giveBack (): void }>
}

const maxPerSession = 20
const maxInAll = 1000

export function createSystemEvents ({ store, now }: { store: Store, now: () => number }): SystemEvents {
  const collection = store.collection<Waiting>('system-events')
  const taken = new Set<string>()
  let loading: Promise<Map<string, Waiting>> | undefined
  const waiting = (): Promise<Map<string, Waiting>> => {
    loading ??= collection.all().then(entries => new Map(entries.map(({ key, value }) => [key, value])))
    // What could not be read may be readable the next time.
    loading.catch(() => { loading = undefined })
    return loading
  }

  return {
    async add (sessionKey, text) {
      const all = await waiting()
      const own = [...all.values()].filter(entry => entry.sessionKey === sessionKey)
      if (own.some(entry => entry.text === text)) return 'coalesced'
      if (own.length >= maxPerSession || all.size >= maxInAll) {
        throw new GatewayError('BUSY', { message: `${own.length} texts wait for ${sessionKey} already`, retryAfterMs: 60_000 })
      }
      const key = `${now()}-${randomUUID()}`
      const entry = { sessionKey, text, atMs: now() }
      all.set(key, entry)
      try {
        await collection.put(key, entry)
      } catch (error) {
        all.delete(key)
        throw error
      }
      return 'queued'
    },
    async take (sessionKey) {
      const all = await waiting()
      const own = [...all]
        .filter(([key, entry]) => entry.sessionKey === sessionKey && !taken.has(key))
        .sort((a, b) => a[1].atMs - b[1].atMs)
      for (const [key] of own) taken.add(key)
      const giveBack = (): void => { for (const [key] of own) taken.delete(key) }
      return {
        texts: own.map(([, { text }]) => text),
        async done () {
          try {
            for (const [key] of own) {
              all.delete(key)
              await collection.delete(key)
            }
          } finally {
            giveBack()
          }
        },
        giveBack
      }
    }
  }
}
