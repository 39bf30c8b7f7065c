/** What waits for a collector: never more than so much of it, sent in batches, the oldest let go. */
import type { DeliveryOutcome } from './delivery.ts'

export interface BatchesOptions<T> {
  readonly send: (batch: readonly T[]) => Promise<DeliveryOutcome>
  /** One was let go. */
  readonly dropped: () => void
}

export interface Batches<T> {
  push (one: T): void
  /** A whole batch waits. */
  isDue (): boolean
  /** False when the collector could not be reached: what is left waits for it. */
  flush (): Promise<boolean>
}

const maxWaiting = 4096
const batchSize = 512

export function createBatches<T> ({ send, dropped }: BatchesOptions<T>): Batches<T> {
  let waiting: T[] = []
  return {
    push (one) {
      if (waiting.length >= maxWaiting) {
        waiting.shift()
        dropped()
      }
      waiting.push(one)
    },
    isDue: () => waiting.length >= batchSize,
    async flush () {
      while (waiting.length > 0) {
        const batch = waiting.slice(0, batchSize)
        waiting = waiting.slice(batchSize)
        if (await send(batch) !== 'unreachable') continue
        // It may be taken later; what comes meanwhile is worth more than what is old.
        const all = [...batch, ...waiting]
        waiting = all.slice(-maxWaiting)
        for (let lost = all.length - waiting.length; lost > 0; lost--) dropped()
        return false
      }
      return true
    }
  }
}
