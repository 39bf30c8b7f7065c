/** Pages of a conversation for people. What is read depends on the page, never on how long the conversation is. */
import type { TranscriptLine } from '../../protocol/transcript.ts'
import type { Line } from '../../store/store.ts'
import type { SessionRecord } from '../record.ts'
import type { Sessions } from '../room.ts'
import { wireMessage } from '../wire-message.ts'
import { cursorOf, seqOf } from './cursor.ts'
import { cutMessage, lightMessage, placeholder, type ShownMessage } from './message.ts'

type StoredLine = Line<TranscriptLine>
type Lines = Sessions['lines']

export interface PageQuery {
  readonly limit: number
  /** Lines to leave out at the end. */
  readonly offset?: number
  readonly maxChars: number
  readonly maxBytes: number
  /** Another generation than the current one. */
  readonly sessionId?: string
}

/** Messages are JSON text, oldest first. */
export interface Page {
  readonly messages: readonly string[]
  readonly lines: readonly StoredLine[]
  readonly hasMore: boolean
  readonly nextOffset?: number
}

export interface Delta {
  readonly messages: readonly string[]
  readonly lines: readonly StoredLine[]
  readonly cursor: string
}

export const maxMessageBytes = 128 * 1024
/** Lines read at once: pictures make single ones heavy. */
const batchLines = 100
/** Lines without anything to show that one page skips. */
const maxSkipped = 1_000
const maxDeltaLines = 200
const maxDeltaBytes = 1024 * 1024

const small = (json: string): boolean => json.length <= maxMessageBytes && Buffer.byteLength(json) <= maxMessageBytes

/** A message of a page; whoever wants all of it asks for it alone. */
export function historyJson (shown: ShownMessage, maxChars: number): string {
  const { message, cut } = cutMessage(shown, maxChars)
  const marked = cut ? { ...message, __openclaw: { ...message.__openclaw as object, truncated: true } } : message
  const json = JSON.stringify(marked)
  if (small(json)) return json
  const light = JSON.stringify(lightMessage(marked))
  return small(light) ? light : JSON.stringify(placeholder(marked))
}

interface Pile { readonly messages: string[], readonly lines: StoredLine[], bytes: number }

/** Adds lines from the newest on; the place of the first that does not fit any more. */
function pile (target: Pile, batch: readonly StoredLine[], sessionId: string, query: PageQuery): number | undefined {
  const { limit, maxChars, maxBytes } = query
  for (const line of batch.toReversed()) {
    if (target.messages.length >= limit) return line.seq
    const shown = wireMessage(sessionId, line)
    if (!shown) continue
    const json = historyJson(shown, maxChars)
    const bytes = Buffer.byteLength(json)
    // One that can be read is worth more than an empty page.
    if (target.messages.length > 0 && target.bytes + bytes > maxBytes) return line.seq
    target.messages.push(json)
    target.lines.push(line)
    target.bytes += bytes
  }
  return undefined
}

/** Ends before `end`, oldest first; `from` is the first place that the page covers. */
async function readBack (lines: Lines, record: SessionRecord, end: number, query: PageQuery): Promise<Pile & { from: number }> {
  const { sessionId = record.sessionId, limit } = query
  const target: Pile = { messages: [], lines: [], bytes: 0 }
  let before = end
  for (let read = 0; before > 1 && target.messages.length < limit && read < limit + maxSkipped;) {
    const wanted = Math.min(batchLines, Math.max(limit - target.messages.length, 10))
    const batch = await lines.tail(record.key, { limit: wanted, before, sessionId })
    const unread = pile(target, batch, sessionId, query)
    read += batch.length
    before = unread === undefined ? batch[0]?.seq ?? 1 : unread + 1
    if (unread !== undefined) break
    if (batch.length < wanted) before = 1
  }
  target.messages.reverse()
  target.lines.reverse()
  return { ...target, from: before }
}

/** Where the lines of a generation end. */
async function lastSeqOf (lines: Lines, { key, sessionId, lastSeq = 0 }: SessionRecord, generation: string | undefined): Promise<number> {
  if (generation === undefined || generation === sessionId) return lastSeq
  const [last] = await lines.tail(key, { limit: 1, sessionId: generation })
  return last?.seq ?? 0
}

export async function readPage (lines: Lines, record: SessionRecord, query: PageQuery): Promise<Page & { totalMessages: number }> {
  const last = await lastSeqOf(lines, record, query.sessionId)
  const end = last + 1 - (query.offset ?? 0)
  const { messages, lines: found, from } = await readBack(lines, record, end, query)
  const hasMore = from > 1 && end > 1
  return { messages, lines: found, hasMore, ...(hasMore ? { nextOffset: last + 1 - from } : {}), totalMessages: last }
}

/** Messages around one; undefined when there is no such line. */
export async function readAround (lines: Lines, record: SessionRecord, messageId: string, query: PageQuery): Promise<Page | undefined> {
  const anchor = await lines.find(record.key, messageId, query.sessionId)
  if (!anchor) return undefined
  const later = await lines.after(record.key, {
    seq: anchor.seq, limit: Math.min(Math.floor(query.limit / 2), batchLines), ...(query.sessionId ? { sessionId: query.sessionId } : {})
  })
  const end = (later.at(-1)?.seq ?? anchor.seq) + 1
  const { messages, lines: found } = await readBack(lines, record, end, query)
  return { messages, lines: found, hasMore: false }
}

/** What came after the cursor, as the live events told it; undefined when the reader must begin anew. */
export async function readDelta (lines: Lines, record: SessionRecord, cursor: string, maxChars: number): Promise<Delta | undefined> {
  const seq = seqOf(cursor, record)
  if (seq === undefined) return undefined
  const { key: sessionKey, agentId, sessionId, lastSeq = 0 } = record
  const found = lastSeq > seq ? await lines.after(sessionKey, { seq, limit: maxDeltaLines + 1, sessionId }) : []
  if (found.length > maxDeltaLines) return undefined
  const messages: string[] = []
  let bytes = 0
  for (const line of found) {
    const shown = wireMessage(sessionId, line)
    if (!shown) continue
    const { id: messageId, seq: messageSeq, value: { runId } } = line
    const place = JSON.stringify({ sessionKey, agentId, messageId, messageSeq, ...(runId ? { runId } : {}) })
    const json = `${place.slice(0, -1)},"message":${historyJson(shown, maxChars)}}`
    bytes += Buffer.byteLength(json)
    if (bytes > maxDeltaBytes) return undefined
    messages.push(json)
  }
  return { messages, lines: found, cursor: cursorOf(record, found.at(-1)?.seq ?? seq) }
}

export type FullMessage =
  | { readonly ok: true, readonly message: ShownMessage }
  | { readonly ok: false, readonly unavailableReason: 'not_found' | 'oversized' | 'not_visible' }

/** One message as it is, up to `maxChars` of JSON. */
export async function readMessage (lines: Lines, record: SessionRecord, messageId: string, maxChars: number): Promise<FullMessage> {
  let line = await lines.find(record.key, messageId)
  let sessionId = record.sessionId
  for (const generation of (record.generations ?? []).toReversed()) {
    if (line) break
    sessionId = generation
    line = await lines.find(record.key, messageId, generation)
  }
  if (!line) return { ok: false, unavailableReason: 'not_found' }
  const message = wireMessage(sessionId, line)
  if (!message) return { ok: false, unavailableReason: 'not_visible' }
  if (JSON.stringify(message).length <= maxChars) return { ok: true, message }
  const light = lightMessage(message)
  return JSON.stringify(light).length <= maxChars ? { ok: true, message: light } : { ok: false, unavailableReason: 'oversized' }
}
