/** A stored message as clients read it: with where it stands in its transcript. */
import type { TranscriptLine } from '../protocol/transcript.ts'
import type { Line } from '../store/store.ts'
import { shownMessage, type ShownMessage } from './display/message.ts'

export type WireMessage = ShownMessage

/** Undefined for lines of which people see nothing. */
export function wireMessage (sessionId: string, { seq, id, value }: Line<TranscriptLine>): WireMessage | undefined {
  const place = {
    id,
    seq,
    ...(value.runId === undefined ? {} : { runId: value.runId }),
    recordTimestampMs: value.timestamp,
    transcriptPosition: { source: sessionId, rawSeq: seq }
  }
  const system = (kind: string, text: string, more = {}): WireMessage => ({
    role: 'system', content: [{ type: 'text', text }], timestamp: value.timestamp, __openclaw: { ...place, kind, ...more }
  })
  switch (value.type) {
    case 'message': {
      const message = shownMessage(value.message)
      const origin = message?.role === 'user'
        ? { ...message.__openclaw, ...(message.idempotencyKey === undefined ? {} : { idempotencyKey: message.idempotencyKey }) }
        : undefined
      return message && { ...message, __openclaw: { ...origin, ...place } }
    }
    case 'reset': return system('reset', 'Reset')
    case 'compaction': return system('compaction', 'Compaction', { tokensBefore: value.tokensBefore })
    case 'custom_message': return value.display ? system('custom', value.content) : undefined
    default: return undefined
  }
}
