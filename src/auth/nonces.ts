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
  /** How old a nonce is does not depend on the clock of the machine. */
  steady?: () => number
  ttlMs?: number
  /** Beyond this many the oldest gives way. */
  max?: number
}

export function createNonces ({ now, steady = now, ttlMs = 120_000, max = 10_000 }: NoncesOptions): Nonces {
  /** By nonce, oldest first. */
  const issued = createOrderedMap<string, { ts: number, issuedAtMs: number }>()
  const isFresh = ({ issuedAtMs }: { issuedAtMs: number }): boolean => issuedAtMs + ttlMs > steady()

  const makeRoom = (): void => {
    for (let first = issued.oldest(); first; first = issued.oldest()) {
      if (issued.size() < max && isFresh(first.value)) return
      issued.delete(first.key)
    }
  }

  return {
    issue () {
      makeRoom()
      const nonce = randomUUID()
      const ts = now()
      issued.set(nonce, { ts, issuedAtMs: steady() })
      return { nonce, ts, expiresAtMs: ts + ttlMs }
    },

    take (nonce) {
      const found = issued.get(nonce)
      if (found === undefined) return undefined
      issued.delete(nonce)
      return isFresh(found) ? { ts: found.ts } : undefined
    },

    size: () => issued.size()
  }
}
