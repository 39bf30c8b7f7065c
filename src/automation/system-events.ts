/** Texts that wait until an agent is up anyway: with its next wake or heartbeat it hears of them. */
import { randomUUID } from 'node:crypto'
import { GatewayError } from '../protocol/errors.ts'
import type { Store, StoreOp } from '../store/store.ts'
import { wrapMessage } from '../tools/guards/untrusted.ts'

/** The request that tells them, by which a later process finds out whether it was begun. */
export interface TellingRun {
  readonly principal: string
  readonly via: string
  readonly key: string
}

interface Waiting {
  readonly sessionKey: string
  readonly text: string
  readonly atMs: number
  /** Where it came from, when nobody here is answerable for it. */
  readonly external?: string
  /** Somebody was about to tell it. */
  readonly toldBy?: TellingRun
}

export type WaitingText = Pick<Waiting, 'text' | 'atMs' | 'external'>

export interface Taken {
  readonly entries: readonly WaitingText[]
  done (): Promise<void>
  giveBack (): void
}

export interface SystemEvents {
  /** Durable when it resolves. The same text does not wait twice. */
  add (sessionKey: string, text: string, external?: string): Promise<'queued' | 'coalesced'>
  /** The operations that let it wait, for a commit of somebody else; `committed` makes it known here. */
  prepare (sessionKey: string, text: string): Promise<{ readonly ops: StoreOp[], committed (): void }>
  /** Whether something waits that nobody is about to tell. */
  has (sessionKey: string): Promise<boolean>
  /**
   * Everything that waits for a session and that nobody else is about to tell, oldest first. `done` forgets it, once somebody has it for
   * certain; `giveBack` leaves it to the next one. Told once, also when the gateway ends in between: `by` is written down before.
   */
  take (sessionKey: string, by: TellingRun): Promise<Taken>
}

export interface SystemEventsOptions {
  readonly store: Store
  readonly now: () => number
  /** The request was accepted, by this process or an earlier one. */
  readonly wasBegun: (run: TellingRun) => Promise<boolean>
}

/** What nobody here is answerable for is read between marks. */
export const wordsOf = ({ text, external }: WaitingText): string => external === undefined ? text : wrapMessage(text, { source: external })

const maxPerSession = 20
const maxInAll = 1000

export function createSystemEvents ({ store, now, wasBegun }: SystemEventsOptions): SystemEvents {
  const collection = store.collection<Waiting>('system-events')
  const taken = new Set<string>()
  let loading: Promise<Map<string, Waiting>> | undefined

  async function load (): Promise<Map<string, Waiting>> {
    const all = new Map<string, Waiting>()
    for (const { key, value: { toldBy, ...entry } } of await collection.all()) {
      if (toldBy && await wasBegun(toldBy)) await collection.delete(key)
      else all.set(key, entry)
    }
    return all
  }

  const waiting = (): Promise<Map<string, Waiting>> => {
    loading ??= load()
    // What could not be read may be readable the next time.
    loading.catch(() => { loading = undefined })
    return loading
  }

  type Place = { readonly all: Map<string, Waiting>, readonly key: string, readonly entry: Waiting }

  async function place (sessionKey: string, text: string, external?: string): Promise<Place | undefined> {
    const all = await waiting()
    const own = [...all.values()].filter(entry => entry.sessionKey === sessionKey)
    if (own.some(entry => entry.text === text)) return undefined
    if (own.length >= maxPerSession || all.size >= maxInAll) {
      throw new GatewayError('BUSY', { message: `${own.length} texts wait for ${sessionKey} already`, retryAfterMs: 60_000 })
    }
    return { all, key: `${now()}-${randomUUID()}`, entry: { sessionKey, text, atMs: now(), ...(external === undefined ? {} : { external }) } }
  }

  const untold = (all: ReadonlyMap<string, Waiting>, sessionKey: string): Array<[string, Waiting]> => [...all]
    .filter(([key, entry]) => entry.sessionKey === sessionKey && !taken.has(key))
    .sort((a, b) => a[1].atMs - b[1].atMs)

  return {
    async add (sessionKey, text, external) {
      const found = await place(sessionKey, text, external)
      if (!found) return 'coalesced'
      const { all, key, entry } = found
      all.set(key, entry)
      try {
        await collection.put(key, entry)
      } catch (error) {
        all.delete(key)
        throw error
      }
      return 'queued'
    },
    async prepare (sessionKey, text) {
      const found = await place(sessionKey, text)
      if (!found) return { ops: [], committed () {} }
      const { all, key, entry } = found
      return { ops: [{ op: 'put', collection: 'system-events', key, value: entry }], committed () { all.set(key, entry) } }
    },
    has: async sessionKey => untold(await waiting(), sessionKey).length > 0,
    async take (sessionKey, by) {
      const all = await waiting()
      const own = untold(all, sessionKey)
      for (const [key] of own) taken.add(key)
      const giveBack = (): void => { for (const [key] of own) taken.delete(key) }
      try {
        const ops = own.map(([key, entry]): StoreOp => ({ op: 'put', collection: 'system-events', key, value: { ...entry, toldBy: by } }))
        if (ops.length > 0) await store.commit(ops)
      } catch (error) {
        giveBack()
        throw error
      }
      return {
        entries: own.map(([, { sessionKey: _key, ...entry }]) => entry),
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
