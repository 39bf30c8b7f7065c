/** From the events of a foreign transcript to the lines of ours. */
import type { LineBody, Message, TranscriptLine, Usage } from '../../protocol/transcript.ts'
import type { Line } from '../../store/store.ts'
import { isFields, type Fields, type SourceTranscript } from './source.ts'

const textOr = (value: unknown, fallback: string): string => typeof value === 'string' ? value : fallback
const numberOr = (value: unknown, fallback: number): number => typeof value === 'number' && Number.isFinite(value) ? value : fallback

function timeOf (value: unknown, fallback: number): number {
  const time = typeof value === 'string' ? Date.parse(value) : numberOr(value, NaN)
  return Number.isNaN(time) ? fallback : time
}

/** A conversation is a tree; what goes on is the way from its root to its leaf. Older transcripts are one row without ids. */
export function activeEvents ({ leafId }: Pick<SourceTranscript, 'leafId'>, all: readonly Fields[]): Fields[] {
  const events = all.filter(({ type }) => type !== 'session')
  if (!events.some(({ parentId }) => typeof parentId === 'string')) return events
  const places = new Map(events.map((event, place) => [event['id'], place]))
  const chosen: number[] = []
  const seen = new Set<number>()
  let place = places.get(leafId) ?? events.length - 1
  while (!seen.has(place)) {
    seen.add(place)
    chosen.push(place)
    const parent = places.get(events[place]!['parentId'])
    if (parent === undefined) break
    place = parent
  }
  return chosen.reverse().map(index => events[index]!)
}

function usageOf (value: unknown): Usage {
  const fields = isFields(value) ? value : {}
  const [input, output] = [numberOr(fields['input'], 0), numberOr(fields['output'], 0)]
  const counted = { input, output, cacheRead: numberOr(fields['cacheRead'], 0), cacheWrite: numberOr(fields['cacheWrite'], 0) }
  const totalTokens = numberOr(fields['totalTokens'], counted.input + counted.output + counted.cacheRead + counted.cacheWrite)
  const cost = isFields(fields['cost']) ? { cost: fields['cost'] as unknown as NonNullable<Usage['cost']> } : {}
  return { ...counted, totalTokens, ...cost }
}

const partsOf = (content: unknown): unknown[] =>
  Array.isArray(content) ? content.filter(isFields) : typeof content === 'string' && content !== '' ? [{ type: 'text', text: content }] : []

/** What we rely on is made sure; every other field stays as it is. */
function messageOf (message: Fields, at: number): Message | undefined {
  const timestamp = numberOr(message['timestamp'], at)
  if (message['role'] === 'user') {
    const { content } = message
    return { ...message, role: 'user', content: typeof content === 'string' ? content : partsOf(content), timestamp } as unknown as Message
  }
  if (message['role'] === 'assistant') {
    return {
      ...message,
      role: 'assistant',
      content: partsOf(message['content']),
      api: textOr(message['api'], 'unknown'),
      provider: textOr(message['provider'], 'unknown'),
      model: textOr(message['model'], 'unknown'),
      usage: usageOf(message['usage']),
      stopReason: textOr(message['stopReason'], 'stop'),
      timestamp
    } as unknown as Message
  }
  if (message['role'] !== 'toolResult') return undefined
  return {
    ...message,
    role: 'toolResult',
    toolCallId: textOr(message['toolCallId'], ''),
    toolName: textOr(message['toolName'], 'unknown'),
    content: partsOf(message['content']),
    isError: message['isError'] === true,
    timestamp
  } as unknown as Message
}

/** Kinds that we do not have are kept as what steers nothing. */
function foreign ({ type, id: _id, parentId: _parent, timestamp: _time, ...data }: Fields): LineBody {
  return { type: 'custom', customType: `imported:${textOr(type, 'unknown')}`, data }
}

function bodyOf (event: Fields, at: number): LineBody {
  const customType = textOr(event['customType'], 'unknown')
  switch (event['type']) {
    case 'message': {
      const message = isFields(event['message']) ? messageOf(event['message'], at) : undefined
      return message ? { type: 'message', message } : foreign(event)
    }
    case 'compaction': return {
      type: 'compaction',
      summary: textOr(event['summary'], ''),
      firstKeptEntryId: typeof event['firstKeptEntryId'] === 'string' ? event['firstKeptEntryId'] : null,
      tokensBefore: numberOr(event['tokensBefore'], 0)
    }
    case 'reset': return { type: 'reset', reason: textOr(event['reason'], 'reset') }
    case 'custom': return { type: 'custom', customType, data: event['data'] ?? null }
    case 'custom_message': {
      const { content } = event
      const text = typeof content === 'string' ? content : partsOf(content).map(part => textOr((part as Fields)['text'], '')).join('\n')
      return { type: 'custom_message', customType, content: text, display: event['display'] === true }
    }
    default: return foreign(event)
  }
}

function runOf (event: Fields): { runId?: string } {
  const message = isFields(event['message']) ? event['message'] : {}
  const origin = isFields(message['__openclaw']) ? message['__openclaw'] : {}
  return typeof origin['runId'] === 'string' ? { runId: origin['runId'] } : {}
}

export interface TranslatedLine extends Line<TranscriptLine> {
  /** Where the context of a model begins after it, when the event says so. */
  readonly firstKeptEntryId?: string
}

export function linesOf (transcript: SourceTranscript, startedAt: number): TranslatedLine[] {
  let at = startedAt
  let parentId: string | null = null
  return activeEvents(transcript, transcript.events()).map((event, index) => {
    const seq = index + 1
    const id = typeof event['id'] === 'string' && event['id'] !== '' ? event['id'] : `imported-${seq}`
    at = timeOf(event['timestamp'], at)
    const value: TranscriptLine = { ...bodyOf(event, at), id, parentId, timestamp: at, ...runOf(event) }
    parentId = id
    const kept = event['firstKeptEntryId']
    return { seq, id, value, ...(typeof kept === 'string' ? { firstKeptEntryId: kept } : {}) }
  })
}
