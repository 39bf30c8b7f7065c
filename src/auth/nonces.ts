import { randomUUID } from 'node:crypto'

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
  const issued = new Map<string, number>()

  const makeRoom = (): void => {
    for (const [nonce, ts] of issued) {
      if (issued.size < max && ts + ttlMs > now()) return
      issued.delete(nonce)
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

    size: () => issued.size
  }
}
