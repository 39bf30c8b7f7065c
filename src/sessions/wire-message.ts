/** A stored message as clients read it: with where it stands in its transcript. */
import type { TranscriptLine } from '../protocol/transcript.ts'
import type { Line } from '../store/store.ts'

export interface WireMessage { readonly [field: string]: unknown }

/** Undefined for lines that are no messages and show nothing. */
export function wireMessage (sessionId: string, { seq, id, value }: Line<TranscriptLine>): WireMessage | undefined {
  const place = {
    id,
    seq,
    ...(value.runId === undefined ? {} : { runId: value.runId }),
    recordTimestampMs: value.timestamp,
    transcriptPosition: { source: sessionId, rawSeq: seq }
  }
  const system = (kind: string, text: string): WireMessage => ({
    role: 'system', content: [{ type: 'text', text }], timestamp: value.timestamp, __openclaw: { ...place, kind }
  })
  switch (value.type) {
    case 'message': {
      const origin = value.message.role === 'user' ? value.message.__openclaw : undefined
      return { ...value.message, __openclaw: { ...origin, ...place } }
    }
    case 'reset': return system('reset', 'Reset')
    case 'compaction': return system('compaction', 'Compaction')
    case 'custom_message': return value.display ? system('custom', value.content) : undefined
    default: return undefined
  }
}
