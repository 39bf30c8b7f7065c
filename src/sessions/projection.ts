/** What the row of a session says after lines were added: counted here, so that no list ever opens a transcript. */
import { behindMarks } from '../lib/text.ts'
import type { LineBody, Message, Usage } from '../protocol/transcript.ts'
import type { SessionRecord, Spent, SpentDay } from './record.ts'
import { shownReply } from './display/reply.ts'
import { isBackground, parseKey } from './keys.ts'

const previewItems = 4
const previewCharacters = 200
const titleCharacters = 80
const maxDays = 31

type Draft = { -readonly [field in keyof SessionRecord]: SessionRecord[field] }

/** The text of a message that a person sees; thoughts, calls and results are none. */
export function visibleText (message: Message): string {
  if (message.role === 'toolResult') return ''
  if (typeof message.content === 'string') return message.content
  let text = ''
  for (const part of message.content) if (part.type === 'text') text += text === '' ? part.text : `\n${part.text}`
  return text
}

export const shorten = (text: string, characters: number): string =>
  text.length <= characters ? text : `${text.slice(0, characters - 1)}…`

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()

const nothingSpent: Spent = {
  input: 0,
  output: 0,
  cacheRead: 0,
  cacheWrite: 0,
  totalTokens: 0,
  cost: 0,
  user: 0,
  assistant: 0,
  toolCalls: 0,
  toolResults: 0,
  errors: 0,
  days: []
}

const nothingUsed = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 0 }
const kinds = ['input', 'output', 'cacheRead', 'cacheWrite'] as const

function dayWith (day: SpentDay, used: Usage | undefined): SpentDay {
  const { totalTokens: tokens, cost }: Usage = used ?? nothingUsed
  const sums: { -readonly [field in keyof SpentDay]: SpentDay[field] } = {
    ...day, tokens: day.tokens + tokens, cost: day.cost + (cost?.total ?? 0), messages: day.messages + 1
  }
  if (!used) return sums
  for (const kind of kinds) if (used[kind] > 0) sums[kind] = (day[kind] ?? 0) + used[kind]
  if (!cost) sums.unpriced = (day.unpriced ?? 0) + 1
  return sums
}

function daysWith (days: Spent['days'], date: string, used?: Usage): Spent['days'] {
  const last = days.at(-1)
  const today = last?.date === date ? last : { date, tokens: 0, cost: 0, messages: 0 }
  const earlier = last?.date === date ? days.slice(0, -1) : days.slice(1 - maxDays)
  return [...earlier, dayWith(today, used)]
}

function spend (before: Spent, message: Message, now: number): Spent {
  const date = new Date(now).toISOString().slice(0, 10)
  if (message.role !== 'assistant') {
    const days = daysWith(before.days, date)
    return message.role === 'user'
      ? { ...before, user: before.user + 1, days }
      : { ...before, toolResults: before.toolResults + 1, errors: before.errors + (message.isError ? 1 : 0), days }
  }
  const { input, output, cacheRead, cacheWrite, totalTokens, cost } = message.usage
  return {
    ...before,
    input: before.input + input,
    output: before.output + output,
    cacheRead: before.cacheRead + cacheRead,
    cacheWrite: before.cacheWrite + cacheWrite,
    totalTokens: before.totalTokens + totalTokens,
    cost: before.cost + (cost?.total ?? 0),
    assistant: before.assistant + 1,
    toolCalls: before.toolCalls + message.content.filter(({ type }) => type === 'toolCall').length,
    errors: before.errors + (message.stopReason === 'error' ? 1 : 0),
    days: daysWith(before.days, date, message.usage)
  }
}

function countMessage (draft: Draft, message: Message, now: number): void {
  draft.messageCount = (draft.messageCount ?? 0) + 1
  draft.contextMessages = (draft.contextMessages ?? 0) + 1
  draft.spent = spend(draft.spent ?? nothingSpent, message, now)
  draft.lastActivityAt = now
  if (message.role === 'toolResult') return
  const said = visibleText(message)
  const text = message.role === 'assistant' ? shownReply(said, true) : behindMarks(said)
  if (message.role === 'assistant' && (text !== '' || said === '')) draft.unread = true
  if (text === '') return
  draft.preview = [...(draft.preview ?? []).slice(1 - previewItems), { role: message.role, text: shorten(text, previewCharacters) }]
  if (message.role === 'user') {
    // Work behind the conversations of people keeps none of them fresh.
    if (!isBackground(parseKey(draft.key)) && message.__openclaw?.background !== true) draft.lastInteractionAt = now
    draft.derivedTitle ??= shorten(oneLine(text.slice(0, titleCharacters * 4)), titleCharacters)
  }
}

function beginAnew (draft: Draft, seq: number, now: number): void {
  draft.contextSeq = seq
  draft.compactionId = undefined
  draft.sessionStartedAt = now
  draft.lifecycleRevision = Math.max(now, draft.lifecycleRevision + 1)
  Object.assign(draft, emptyConversation())
}

/** The counters of a conversation in which nothing was said yet. */
export const emptyConversation = (): Partial<SessionRecord> => ({
  messageCount: 0,
  contextMessages: 0,
  compactionCount: 0,
  inputTokens: 0,
  outputTokens: 0,
  totalTokens: 0,
  estimatedCostUsd: undefined,
  usage: undefined,
  preview: undefined,
  derivedTitle: undefined,
  abortedLastRun: false,
  status: undefined,
  startedAt: undefined,
  endedAt: undefined,
  runtimeMs: undefined
})

/** Changes `draft` as the line asks. */
export function project (draft: Draft, body: LineBody, place: { seq: number, id: string }, now: number): void {
  draft.lastSeq = place.seq
  draft.leafId = place.id
  switch (body.type) {
    case 'message': return countMessage(draft, body.message, now)
    case 'reset': return beginAnew(draft, place.seq, now)
    case 'compaction':
      draft.compactionCount = (draft.compactionCount ?? 0) + 1
      draft.compactionId = place.id
      // Whoever keeps lines says in the patch of the same write where they begin, and how many they are.
      draft.contextSeq = place.seq
      draft.contextMessages = 0
      return
    default: draft.lastActivityAt = now
  }
}
