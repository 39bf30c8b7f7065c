import { createRecent } from '../lib/recent.ts'
import { GatewayError } from '../protocol/errors.ts'

/** At most so many control-plane writes per caller and method in a window; a guard against runaway programs, not a quota. */
export interface WriteBudget {
  spend (method: string, owner: string): void
  size (): number
}

export interface WriteBudgetOptions {
  now: () => number
  limit?: number
  windowMs?: number
  maxOwners?: number
}

export function createWriteBudget ({ now, limit = 30, windowMs = 60_000, maxOwners = 10_000 }: WriteBudgetOptions): WriteBudget {
  const windows = createRecent<{ startedAtMs: number, used: number }>(maxOwners)

  return {
    spend (method, owner) {
      const key = `${method}|${owner}`
      const at = now()
      let window = windows.get(key)
      if (!window || at - window.startedAtMs >= windowMs) {
        window = { startedAtMs: at, used: 0 }
        windows.set(key, window)
      }
      if (window.used >= limit) {
        const retryAfterMs = window.startedAtMs + windowMs - at
        throw new GatewayError('WRITE_BUDGET_EXCEEDED', {
          message: `rate limit exceeded for ${method}; retry after ${Math.ceil(retryAfterMs / 1000)}s`,
          details: { method, limit: `${limit} per ${windowMs / 1000}s` },
          retryAfterMs
        })
      }
      window.used++
    },
    size: windows.size
  }
}
