/** Shortening what a model sees of a long conversation. The transcript keeps every line; only where reading begins moves. */
import type { LoadedConfig } from '../config/load.ts'
import { agentEntries } from '../config/agent-entries.ts'
import { GatewayError } from '../protocol/errors.ts'
import type { StoredLine } from './contexts.ts'
import type { SessionRecord } from './record.ts'
import type { SessionParts } from './sessions.ts'

export interface SummaryRequest {
  readonly record: SessionRecord
  /** What the summary is to replace; an earlier summary may be the first of it. */
  readonly lines: readonly StoredLine[]
  readonly instructions?: string
  readonly signal?: AbortSignal
}

/** Asks a model; throws when it cannot. */
export type Summarise = (request: SummaryRequest) => Promise<string>

export interface CompactRequest {
  /** Cut to this many messages without asking a model. */
  readonly maxLines?: number
  /** Recent messages that stay as they are; absent: as the configuration says. */
  readonly keepLast?: number
  readonly instructions?: string
  readonly signal?: AbortSignal
}

export type Compacted =
  | { readonly compacted: true, readonly kept: number, readonly result?: CompactionResult }
  | { readonly compacted: false, readonly kept: number, readonly reason: string }

export interface CompactionResult {
  readonly summary: string
  readonly firstKeptEntryId: string | null
  readonly tokensBefore: number
}

/** Why it is time, or undefined. */
export type CompactionDue = 'tokens' | 'messages' | undefined

export interface Compaction {
  compact (key: string, request: CompactRequest): Promise<Compacted>
  /** Asked before a turn; `contextTokens` is what the model takes. */
  due (record: SessionRecord, contextTokens?: number): CompactionDue
}

type Limits = { maxMessages?: number, keepLastN?: number }

function limitsOf ({ config }: LoadedConfig, agentId: string): Required<Limits> {
  const agent = agentEntries(config).find(({ id }) => id.toLowerCase() === agentId) as { compaction?: Limits } | undefined
  return { ...config.agents.defaults.compaction, ...agent?.compaction } as Required<Limits>
}

/** A result without its call means nothing to a model, so what is kept begins with something that was said. */
function firstKept (lines: readonly StoredLine[], keep: number): number {
  let index = Math.max(0, lines.length - keep)
  const isResult = (line: StoredLine | undefined): boolean => line?.value.type === 'message' && line.value.message.role === 'toolResult'
  while (isResult(lines[index])) index++
  return index
}

const reasonOf = (error: unknown): string => error instanceof Error ? error.message : String(error)

export function createCompaction (parts: SessionParts): Compaction {
  const { options, rows, contexts, writer, announcements, ready } = parts

  async function write (record: SessionRecord, lines: readonly StoredLine[], keptFrom: number, summary: string): Promise<CompactionResult> {
    const first = lines[keptFrom]
    const kept = lines.slice(keptFrom)
    const result = { summary, firstKeptEntryId: first?.id ?? null, tokensBefore: record.totalTokens ?? 0 }
    await writer.change(record.key, current => {
      const moved = !current || current.sessionId !== record.sessionId || current.contextSeq !== record.contextSeq
      if (moved) throw new GatewayError('SESSION_CHANGED', { message: `Session ${record.key} changed before compact. Retry.`, details: { key: record.key } })
      const since = (current.contextMessages ?? 0) - (record.contextMessages ?? 0)
      return {
        lines: [{ type: 'compaction', ...result }],
        patch: {
          contextSeq: first ? first.seq - 1 : record.lastSeq ?? 0,
          contextMessages: kept.length + since,
          // What the next call needs is not known before it was made.
          totalTokens: undefined
        },
        reason: 'compact'
      }
    })
    return result
  }

  async function shorten (record: SessionRecord, request: CompactRequest): Promise<Compacted> {
    const all = await contexts.read(record)
    const keep = request.maxLines ?? request.keepLast ?? limitsOf(options.config(), record.agentId).keepLastN
    const keptFrom = firstKept(all, keep)
    const kept = all.length - keptFrom
    const before = all.slice(0, keptFrom)
    const onlySummary = before.length === 1 && before[0]!.value.type === 'compaction'
    if (keptFrom === 0 || onlySummary) return { compacted: false, kept: all.length, reason: 'nothing to compact' }
    if (request.maxLines !== undefined) {
      await write(record, all, keptFrom, '')
      return { compacted: true, kept }
    }
    if (!options.summarise) return { compacted: false, kept: all.length, reason: 'no model can summarise here' }
    const summary = await options.summarise({
      record,
      lines: before,
      ...(request.instructions === undefined ? {} : { instructions: request.instructions }),
      ...(request.signal === undefined ? {} : { signal: request.signal })
    })
    if (summary.trim() === '') return { compacted: false, kept: all.length, reason: 'the model gave no summary' }
    return { compacted: true, kept, result: await write(record, all, keptFrom, summary) }
  }

  return {
    async compact (key, request) {
      await ready()
      const record = rows.get(key)?.record
      if (!record) throw new GatewayError('SESSION_UNKNOWN', { message: `session not found: ${key}`, details: { key } })
      const ended = announcements.operation(record)
      try {
        const outcome = await shorten(record, request)
        ended({ completed: outcome.compacted, ...(outcome.compacted ? {} : { reason: outcome.reason }) })
        return outcome
      } catch (error) {
        ended({ completed: false, reason: reasonOf(error) })
        if (error instanceof GatewayError) throw error
        return { compacted: false, kept: 0, reason: reasonOf(error) }
      }
    },
    due (record, contextTokens) {
      const { compaction, maxTokens } = options.config().config.session
      if (compaction.strategy !== 'auto') return undefined
      const most = Math.min(maxTokens ?? Infinity, contextTokens ?? record.contextTokens ?? Infinity)
      const used = (record.totalTokens ?? 0) + (record.outputTokens ?? 0)
      if (used >= most * compaction.triggerAtPercent / 100) return 'tokens'
      const { maxMessages, keepLastN } = limitsOf(options.config(), record.agentId)
      const messages = record.contextMessages ?? 0
      return messages > maxMessages && messages > keepLastN ? 'messages' : undefined
    }
  }
}
