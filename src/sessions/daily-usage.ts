/** What all sessions used, day by day. The sums of each day stand in the rows. */
import type { SessionRecord } from './record.ts'
import { add, noTotals } from './usage-totals.ts'

export interface DailyQuery {
  readonly days?: number
  readonly startDate?: string
  readonly endDate?: string
  readonly agentId?: string
  readonly mayRead?: (record: SessionRecord) => boolean
}

export const dayMs = 86_400_000
const defaultDays = 30
/** Rows remember no more. */
const mostDays = 366

export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** Every day that was asked for, oldest first; days on which nothing happened are there, too. */
function datesOf ({ days, startDate, endDate }: DailyQuery, now: number): string[] {
  const end = Date.parse(endDate ?? '') || Date.parse(dayOf(now))
  const start = Date.parse(startDate ?? '') || end - ((days ?? defaultDays) - 1) * dayMs
  const count = Math.min(Math.max(1, Math.round((end - start) / dayMs) + 1), mostDays)
  return Array.from({ length: count }, (_, index) => dayOf(end - (count - 1 - index) * dayMs))
}

export function dailyUsage (records: Iterable<SessionRecord>, query: DailyQuery, now: number) {
  const dates = datesOf(query, now)
  const byDate = new Map(dates.map(date => [date, noTotals()]))
  const totals = noTotals()
  for (const record of records) {
    const { agentId, spent } = record
    if (!spent || (query.agentId !== undefined && agentId !== query.agentId) || query.mayRead?.(record) === false) continue
    for (const { date, tokens, cost, input = 0, output = 0, cacheRead = 0, cacheWrite = 0, unpriced = 0 } of spent.days) {
      const day = byDate.get(date)
      if (!day) continue
      // Rows keep the cost of a day as a whole.
      const costs = { totalTokens: tokens, totalCost: cost, missingCostEntries: unpriced }
      const used = { ...noTotals(), input, output, cacheRead, cacheWrite, ...costs }
      add(day, used)
      add(totals, used)
    }
  }
  return { updatedAt: now, days: dates.length, daily: dates.map(date => ({ date, ...byDate.get(date)! })), totals }
}
