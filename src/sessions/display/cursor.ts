/** Where a reader of a conversation stands, as an opaque text: what was read, and of which state of the conversation. */
import type { SessionRecord } from '../record.ts'

export interface CursorPlace {
  readonly agentId: string
  readonly generation: string
  readonly lastSeq: number
  readonly sessionId: string
}

const version = 1
const maxCursorChars = 1024

/** Changes with everything after which a reader must begin anew. */
const generationOf = ({ lifecycleRevision, compactionId = '' }: SessionRecord): string => `${lifecycleRevision}.${compactionId}`

export function cursorOf (record: SessionRecord, lastSeq: number): string {
  const { agentId, sessionId } = record
  return Buffer.from(JSON.stringify({ agentId, generation: generationOf(record), lastSeq, sessionId, version })).toString('base64url')
}

/** The place in this conversation behind which the reader goes on; undefined when the cursor is none for it, or not any more. */
export function seqOf (cursor: string, record: SessionRecord): number | undefined {
  if (cursor.length > maxCursorChars) return undefined
  let place: Partial<CursorPlace> & { version?: unknown }
  try {
    place = JSON.parse(Buffer.from(cursor, 'base64url').toString()) ?? {}
  } catch {
    return undefined
  }
  const { agentId, generation, lastSeq, sessionId } = place
  const isOurs = place.version === version && agentId === record.agentId && sessionId === record.sessionId
  const fits = isOurs && generation === generationOf(record)
  return fits && Number.isInteger(lastSeq) && lastSeq! >= 0 && lastSeq! <= (record.lastSeq ?? 0) ? lastSeq : undefined
}
