/** What sessions used. Sums stand in the rows; only the course of one session is read from its transcript, bounded. */
import type { AssistantMessage, TranscriptLine } from '../protocol/transcript.ts'
import { dailyUsage, dayMs, dayOf, type DailyQuery } from './daily-usage.ts'
import { shorten, visibleText } from './projection.ts'
import type { SessionRecord, Spent } from './record.ts'
import type { SessionParts } from './sessions.ts'
import { add, noTotals, type Totals } from './usage-totals.ts'

export interface UsageQuery {
  readonly key?: string
  readonly agentId?: string
  readonly startDate?: string
  readonly endDate?: string
  readonly range?: string
  readonly limit?: number
  readonly mayRead?: (record: SessionRecord) => boolean
}

const maxPoints = 2_000
const pageLines = 500
const defaultSessions = 50
const maxSessions = 1_000
const ranges: { readonly [range: string]: number } = { '7d': 7, '30d': 30, '90d': 90, '1y': 365 }

const totalsOf = (spent: Spent): Totals => ({
  ...noTotals(),
  input: spent.input,
  output: spent.output,
  cacheRead: spent.cacheRead,
  cacheWrite: spent.cacheWrite,
  totalTokens: spent.totalTokens,
  totalCost: spent.cost
})

const messageCounts = ({ user, assistant, toolCalls, toolResults, errors }: Spent) =>
  ({ total: user + assistant + toolResults, user, assistant, toolCalls, toolResults, errors })

/** The first and the last day that were asked for; without any, the last 30 days. */
function period ({ startDate, endDate, range }: UsageQuery, now: number): { start: string, end: string } {
  const end = endDate ?? dayOf(now)
  if (startDate !== undefined) return { start: startDate, end }
  if (range === 'all') return { start: '1970-01-01', end }
  return { start: dayOf(Date.parse(end) - ((ranges[range ?? ''] ?? 30) - 1) * dayMs), end }
}

function sessionUsage (record: SessionRecord, spent: Spent) {
  return {
    key: record.key,
    label: record.label ?? record.displayName ?? record.derivedTitle,
    sessionId: record.sessionId,
    updatedAt: record.updatedAt,
    agentId: record.agentId,
    channel: record.channel,
    chatType: record.chatType,
    modelProvider: record.modelProvider,
    model: record.model,
    usage: {
      ...totalsOf(spent),
      sessionId: record.sessionId,
      firstActivity: record.createdAt,
      lastActivity: record.lastActivityAt ?? record.updatedAt,
      durationMs: Math.max(0, (record.lastActivityAt ?? record.updatedAt) - record.createdAt),
      activityDates: spent.days.map(({ date }) => date),
      dailyBreakdown: spent.days.map(({ date, tokens, cost }) => ({ date, tokens, cost })),
      messageCounts: messageCounts(spent)
    }
  }
}

/** Sums by something that a session has, largest first. */
function grouped (records: ReadonlyArray<{ record: SessionRecord, spent: Spent }>, nameOf: (record: SessionRecord) => object | undefined) {
  const groups = new Map<string, { name: object, count: number, totals: Totals }>()
  for (const { record, spent } of records) {
    const name = nameOf(record)
    if (!name) continue
    const id = JSON.stringify(name)
    const group = groups.get(id) ?? { name, count: 0, totals: noTotals() }
    group.count++
    add(group.totals, totalsOf(spent))
    groups.set(id, group)
  }
  return [...groups.values()].sort((a, b) => b.totals.totalTokens - a.totals.totalTokens)
}

function aggregatesOf (found: ReadonlyArray<{ record: SessionRecord, spent: Spent }>, { start, end }: { start: string, end: string }) {
  const days = new Map<string, { date: string, tokens: number, cost: number, messages: number }>()
  const messages = { total: 0, user: 0, assistant: 0, toolCalls: 0, toolResults: 0, errors: 0 }
  for (const { spent } of found) {
    const counts = messageCounts(spent)
    for (const field of Object.keys(messages) as Array<keyof typeof messages>) messages[field] += counts[field]
    for (const { date, tokens, cost, messages: count } of spent.days) {
      if (date < start || date > end) continue
      const day = days.get(date) ?? { date, tokens: 0, cost: 0, messages: 0 }
      days.set(date, { date, tokens: day.tokens + tokens, cost: day.cost + cost, messages: day.messages + count })
    }
  }
  return {
    messages,
    tools: { totalCalls: messages.toolCalls, uniqueTools: 0, tools: [] },
    byModel: grouped(found, ({ modelProvider, model }) => model ? { provider: modelProvider, model } : undefined)
      .map(({ name, count, totals }) => ({ ...name, count, totals })),
    byProvider: grouped(found, ({ modelProvider }) => modelProvider ? { provider: modelProvider } : undefined)
      .map(({ name, count, totals }) => ({ ...name, count, totals })),
    byAgent: grouped(found, ({ agentId }) => ({ agentId })).map(({ name, totals }) => ({ ...name, totals })),
    byChannel: grouped(found, ({ channel }) => channel ? { channel } : undefined).map(({ name, totals }) => ({ ...name, totals })),
    daily: [...days.values()].sort((a, b) => a.date < b.date ? -1 : 1)
      .map(day => ({ ...day, toolCalls: 0, errors: 0 }))
  }
}

export function createUsage ({ options, rows, lines, ready }: SessionParts) {
  /** Steps of the model, oldest first: the newest ones when there are too many. */
  async function steps (record: SessionRecord): Promise<AssistantMessage[]> {
    const found: AssistantMessage[] = []
    let before: number | undefined
    while (found.length < maxPoints) {
      const page = await lines.tail<TranscriptLine>(record.sessionId, { limit: pageLines, ...(before === undefined ? {} : { before }) })
      for (const { value } of [...page].reverse()) {
        if (value.type === 'message' && value.message.role === 'assistant') found.push(value.message)
      }
      if (page.length < pageLines) break
      before = page[0]!.seq
    }
    return found.slice(0, maxPoints).reverse()
  }

  return {
    /** Sums over the sessions that were at work in a period. */
    async summary (query: UsageQuery) {
      await ready()
      const { start, end } = period(query, options.now())
      const found: Array<{ record: SessionRecord, spent: Spent }> = []
      for (const { record } of rows.ranking('updatedAt').list('all')) {
        const { spent } = record
        if (!spent || (query.agentId !== undefined && record.agentId !== query.agentId)) continue
        if ((query.key !== undefined && record.key !== query.key) || query.mayRead?.(record) === false) continue
        if (dayOf(record.createdAt) > end || dayOf(record.lastActivityAt ?? record.updatedAt) < start) continue
        found.push({ record, spent })
      }
      const limit = Math.min(query.limit ?? defaultSessions, maxSessions)
      const totals = noTotals()
      for (const { spent } of found) add(totals, totalsOf(spent))
      return {
        updatedAt: options.now(),
        startDate: start,
        endDate: end,
        sessions: found.slice(0, limit).map(({ record, spent }) => sessionUsage(record, spent)),
        totals,
        aggregates: aggregatesOf(found, { start, end })
      }
    },
    /** Sums of each day. */
    async daily (query: DailyQuery) {
      await ready()
      return dailyUsage([...rows.all()].map(({ record }) => record), query, options.now())
    },
    async timeseries (record: SessionRecord) {
      let cumulativeTokens = 0
      let cumulativeCost = 0
      const points = (await steps(record)).map(({ timestamp, usage }) => {
        const cost = usage.cost?.total ?? 0
        cumulativeTokens += usage.totalTokens
        cumulativeCost += cost
        const { input, output, cacheRead, cacheWrite, totalTokens } = usage
        return { timestamp, input, output, cacheRead, cacheWrite, totalTokens, cost, cumulativeTokens, cumulativeCost }
      })
      return { sessionId: record.sessionId, points }
    },
    async logs (record: SessionRecord, limit: number) {
      const page = await lines.tail<TranscriptLine>(record.sessionId, { limit })
      return page.flatMap(({ value }) => {
        if (value.type !== 'message') return []
        const { message } = value
        const base = { timestamp: value.timestamp, role: message.role, content: shorten(visibleText(message), 2_000) }
        return [message.role === 'assistant' ? { ...base, tokens: message.usage.totalTokens, cost: message.usage.cost?.total ?? 0 } : base]
      })
    }
  }
}

export type SessionUsage = ReturnType<typeof createUsage>
