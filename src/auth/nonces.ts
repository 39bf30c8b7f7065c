import { randomUUID } from 'node:crypto'
import { createOrderedMap } from '../lib/ordered-map.ts'

/** Nonces for clients that sign before they connect. Each works once. */
export interface Nonces {
  issue: () => { nonce: string, ts: number, expiresAtMs: number }
  take: (nonce: string) => { ts: number } | undefined
  size: () => number
}

export interface NoncesOptions {
  now: () => number
  ttlMs?: number
  /** Beyond this many the oldest gives way. */
  max?: number
}

export function createNonces ({ now, ttlMs = 120_000, max = 10_000 }: NoncesOptions): Nonces {
  /** Nonce and time of issue, oldest first. */
  const issued = createOrderedMap<string, number>()

  const makeRoom = (): void => {
    for (let first = issued.oldest(); first; first = issued.oldest()) {
      if (issued.size() < max && first.value + ttlMs > now()) return
      issued.delete(first.key)
    }
  }

  return {
    issue () {
      makeRoom()
      const nonce = randomUUID()
      const ts = now()
      issued.set(nonce, ts)
      return { nonce, ts, expiresAtMs: ts + ttlMs }
    },

    take (nonce) {
      const ts = issued.get(nonce)
      if (ts === undefined) return undefined
      issued.delete(nonce)
      return ts + ttlMs > now() ? { ts } : undefined
    },

    size: () => issued.size()
  }
}
