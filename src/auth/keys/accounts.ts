/** What each key has used today. Days are those of UTC; a day that is over is forgotten with the first use of the next. */
import { GatewayError } from '../../protocol/errors.ts'
import type { StoreOp } from '../../store/store.ts'
import type { ActiveKey } from './active-key.ts'
import type { Used } from './caller-key.ts'
import { dayOf, endOfDay, type KeyUsage } from './record.ts'

export interface Accounts {
  load (usage: KeyUsage): void
  today (id: string): KeyUsage
  /** Throws KEY_BUDGET_SPENT when there is nothing left for another run. */
  check (key: ActiveKey): void
  book (id: string, used: Used | undefined, runs: number): void
  op (key: ActiveKey): StoreOp
  forget (id: string): void
}

export function createAccounts (now: () => number): Accounts {
  const accounts = new Map<string, KeyUsage>()

  function today (id: string): KeyUsage {
    const day = dayOf(now())
    const known = accounts.get(id)
    return known?.day === day ? known : { id, day, tokens: 0, costUsd: 0, runs: 0 }
  }

  function spent ({ name }: ActiveKey, what: string, limit: number, used: number): GatewayError {
    return new GatewayError('KEY_BUDGET_SPENT', {
      message: `API key "${name}" may use ${what} in a day, and has used ${used}`,
      details: { limit, used },
      retryAfterMs: endOfDay(now()) - now()
    })
  }

  return {
    load: usage => { accounts.set(usage.id, usage) },
    today,
    check (key) {
      const { tokensPerDay, spendPerDayUsd } = key.record.limits
      const { tokens, costUsd } = today(key.id)
      if (tokensPerDay !== undefined && tokens >= tokensPerDay) throw spent(key, `${tokensPerDay} tokens`, tokensPerDay, tokens)
      if (spendPerDayUsd !== undefined && costUsd >= spendPerDayUsd) {
        throw spent(key, `${spendPerDayUsd} USD`, spendPerDayUsd, Number(costUsd.toFixed(6)))
      }
    },
    book (id, used, runs) {
      const account = today(id)
      accounts.set(id, {
        ...account,
        tokens: account.tokens + (used?.totalTokens ?? 0),
        costUsd: account.costUsd + (used?.cost?.total ?? 0),
        runs: account.runs + runs
      })
    },
    forget: id => { accounts.delete(id) },
    op: key => ({
      op: 'put',
      collection: 'api-key-usage',
      key: key.id,
      value: { ...today(key.id), ...(key.lastUsedAtMs > 0 ? { lastUsedAtMs: key.lastUsedAtMs } : {}) }
    })
  }
}
