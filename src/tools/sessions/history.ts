/** A page of a conversation for tools, newest lines first considered, within a bound of bytes. */
import type { TranscriptLine } from '../../protocol/transcript.ts'
import type { SessionRecord } from '../../sessions/record.ts'
import type { Line } from '../../store/store.ts'
import type { SessionToolSources } from './ports.ts'
import { project, type ShownLine } from './projection.ts'

export interface HistoryQuery {
  readonly limit: number
  /** Lines to leave out at the end. */
  readonly offset: number
  readonly includeTools: boolean
  readonly maxBytes: number
}

export interface History {
  readonly messages: readonly ShownLine[]
  readonly bytes: number
  readonly hasMore: boolean
  readonly nextOffset?: number
  readonly droppedMessages: boolean
  readonly contentTruncated: boolean
  readonly contentRedacted: boolean
}

type Sources = Pick<SessionToolSources, 'sessions' | 'redact'>

const batchLines = 100
/** Lines that one page looks at: results of tools that are not shown count, too. */
const maxRead = 2000
const omitted = '[sessions_history omitted: message too large]'

interface Pile {
  readonly messages: ShownLine[]
  bytes: number
  isCut: boolean
  isRedacted: boolean
  isFull: boolean
}

/** False when the page has no room for it. */
function take (pile: Pile, line: Line<TranscriptLine>, query: HistoryQuery, redact: Sources['redact']): boolean {
  const shown = project(line, query.includeTools, redact)
  if (!shown) return true
  let json: ShownLine = shown.line
  let bytes = Buffer.byteLength(JSON.stringify(json))
  if (bytes > query.maxBytes) {
    json = { role: shown.line.role, content: [{ type: 'text', text: omitted }], timestamp: line.value.timestamp, __openclaw: { id: line.id, seq: line.seq } }
    bytes = Buffer.byteLength(JSON.stringify(json))
    pile.isCut = true
  }
  if (pile.bytes + bytes > query.maxBytes && pile.messages.length > 0) {
    pile.isFull = true
    return false
  }
  pile.messages.push(json)
  pile.bytes += bytes
  pile.isCut ||= shown.isCut
  pile.isRedacted ||= shown.isRedacted
  return true
}

/** Ends at the last line but `offset`, oldest first. */
export async function readHistory (record: SessionRecord, query: HistoryQuery, { sessions, redact }: Sources): Promise<History> {
  const last = record.lastSeq ?? 0
  const pile: Pile = { messages: [], bytes: 0, isCut: false, isRedacted: false, isFull: false }
  let before = last + 1 - query.offset
  for (let read = 0; before > 1 && read < maxRead && pile.messages.length < query.limit && !pile.isFull;) {
    const batch = await sessions.lines.tail(record.key, { limit: batchLines, before })
    if (batch.length === 0) before = 1
    for (const line of batch.toReversed()) {
      if (pile.messages.length >= query.limit || !take(pile, line, query, redact)) break
      before = line.seq
    }
    read += batch.length
  }
  const hasMore = before > 1
  return {
    messages: pile.messages.reverse(),
    bytes: pile.bytes,
    hasMore,
    ...(hasMore ? { nextOffset: last + 1 - before } : {}),
    droppedMessages: pile.isFull,
    contentTruncated: pile.isCut,
    contentRedacted: pile.isRedacted
  }
}

/** The lines around one that a search found. */
export async function readAround (
  record: SessionRecord, messageId: string, query: HistoryQuery, sources: Sources
): Promise<History | undefined> {
  const anchor = await sources.sessions.lines.find(record.key, messageId)
  if (!anchor) return undefined
  const last = record.lastSeq ?? 0
  const end = Math.min(last, anchor.seq + Math.floor(query.limit / 2))
  return await readHistory(record, { ...query, offset: last - end }, sources)
}
