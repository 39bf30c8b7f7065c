/** What became of messages that somebody asked for under a key: who asks again is told the same, also after a restart. */
import { createHash } from 'node:crypto'
import { createOneAtATime } from '../../lib/one-at-a-time.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { Collection } from '../../store/store.ts'
import type { MessageReceipt } from '../../tools/messages/port.ts'

/** Written before anything goes out; the receipt follows. */
export interface KeptReceipt {
  readonly fingerprint: string
  readonly atMs: number
  readonly receipt?: MessageReceipt
}

export interface Receipts {
  /** `isWaiting`: the queue still has a message of this key, so that its end can be waited for. */
  once (key: string, order: unknown, isWaiting: () => boolean, work: () => Promise<MessageReceipt>): Promise<MessageReceipt>
}

const keepMs = 24 * 60 * 60_000

const fingerprintOf = (order: unknown): string => createHash('sha256').update(JSON.stringify(order)).digest('base64url')

export interface ReceiptsOptions {
  readonly collection: Collection<KeptReceipt>
  readonly now: () => number
  readonly maxKept?: number
}

export function createReceipts ({ collection, now, maxKept = 2000 }: ReceiptsOptions): Receipts {
  const underWay = new Map<string, { readonly fingerprint: string, readonly receipt: Promise<MessageReceipt> }>()
  const inTurn = createOneAtATime()
  let begun: Map<string, number> | undefined

  async function makeRoom (): Promise<Map<string, number>> {
    begun ??= new Map((await collection.all()).sort((a, b) => a.value.atMs - b.value.atMs).map(({ key, value }) => [key, value.atMs]))
    for (const [key, atMs] of begun) {
      if (begun.size < maxKept && now() - atMs <= keepMs) break
      begun.delete(key)
      await collection.delete(key)
    }
    return begun
  }

  async function perform (key: string, fingerprint: string, work: () => Promise<MessageReceipt>): Promise<MessageReceipt> {
    const known = await inTurn(makeRoom)
    const kept: KeptReceipt = { fingerprint, atMs: now() }
    known.delete(key)
    known.set(key, kept.atMs)
    await collection.put(key, kept)
    try {
      const receipt = await work()
      await collection.put(key, { ...kept, receipt })
      return receipt
    } catch (error) {
      // It was told that it failed, and may be asked for anew.
      known.delete(key)
      await collection.delete(key)
      throw error
    }
  }

  async function answer (
    key: string, fingerprint: string, isWaiting: () => boolean, work: () => Promise<MessageReceipt>
  ): Promise<MessageReceipt> {
    const kept = await collection.get(key)
    if (!kept || now() - kept.atMs > keepMs) return await perform(key, fingerprint, work)
    if (kept.fingerprint !== fingerprint) throw new GatewayError('IDEMPOTENCY_CONFLICT')
    if (isWaiting()) return await perform(key, fingerprint, work)
    if (kept.receipt) return kept.receipt
    throw new GatewayError('DELIVERY_FAILED', {
      message: 'the gateway ended while this message was on its way, and nobody knows whether it arrived: look, and use another idempotencyKey',
      details: { state: 'unknown' }
    })
  }

  return {
    async once (key, order, isWaiting, work) {
      const fingerprint = fingerprintOf(order)
      const same = underWay.get(key)
      if (same) {
        if (same.fingerprint !== fingerprint) throw new GatewayError('IDEMPOTENCY_CONFLICT')
        return await same.receipt
      }
      const receipt = answer(key, fingerprint, isWaiting, work)
      underWay.set(key, { fingerprint, receipt })
      try {
        return await receipt
      } finally {
        underWay.delete(key)
      }
    }
  }
}
