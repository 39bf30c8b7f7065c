/**
 * What was delivered, for longer than runs are remembered. GitHub signs no time, so what it once signed would be good for ever; and what
 * only waits for the next wake has no run that knows it.
 */
import type { Store } from '../../store/store.ts'
import { BadCall } from './calls.ts'

interface Delivery {
  readonly target: string
  readonly atMs: number
  /** What whoever sends it again is told. */
  readonly answer: object
}

export interface Deliveries {
  /** The answer to what was delivered before. Elsewhere, the same delivery is a replay and refused. */
  known (requestId: string, target: string): Promise<object | undefined>
  remember (requestId: string, target: string, answer: object): Promise<void>
}

const rememberedMs = 30 * 24 * 3_600_000
const maxRemembered = 10_000
const tidyEvery = 500

export function createDeliveries ({ store, now }: { readonly store: Store, readonly now: () => number }): Deliveries {
  const collection = store.collection<Delivery>('hook-deliveries')
  let count = 0

  async function tidy (): Promise<void> {
    const all = (await collection.all()).sort((a, b) => b.value.atMs - a.value.atMs)
    const gone = all.filter(({ value }, index) => index >= maxRemembered || now() - value.atMs > rememberedMs)
    for (const { key } of gone) await collection.delete(key)
  }

  return {
    async known (requestId, target) {
      const delivery = await collection.get(requestId)
      if (!delivery || now() - delivery.atMs > rememberedMs) return undefined
      if (delivery.target !== target) throw new BadCall('this delivery was already taken elsewhere', 409)
      return delivery.answer
    },
    async remember (requestId, target, answer) {
      if (count++ % tidyEvery === 0) await tidy()
      await collection.put(requestId, { target, atMs: now(), answer })
    }
  }
}
