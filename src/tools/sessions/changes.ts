/** What happened in a conversation since a caller last looked: kinds and places, never words. */
import type { TranscriptLine } from '../../protocol/transcript.ts'
import type { SessionRecord } from '../../sessions/record.ts'
import type { SessionToolSources } from './ports.ts'
import { stateVersionOf } from './fields.ts'

const maxChanges = 50

function changeOf ({ type, ...line }: TranscriptLine): { kind: string, actor: string } | undefined {
  if (type === 'compaction') return { kind: 'compacted', actor: 'system' }
  if (type === 'reset') return { kind: 'reset', actor: 'system' }
  if (type !== 'message' || !('message' in line)) return undefined
  const { message } = line
  if (message.role === 'user') {
    const isOfAgent = message.__openclaw?.['inputProvenance'] !== undefined
    return isOfAgent ? { kind: 'agent_message', actor: 'agent' } : { kind: 'human_direct_message', actor: 'human' }
  }
  if (message.role !== 'assistant' || message.stopReason === 'toolUse') return undefined
  const failed = message.stopReason === 'error' || message.stopReason === 'aborted'
  return { kind: failed ? 'run_failed' : 'run_completed', actor: 'agent' }
}

/** A version that this conversation never had, or of a time before it began anew, is a gap: whoever asks starts over. */
export async function changesSince (record: SessionRecord, version: number, { sessions }: Pick<SessionToolSources, 'sessions'>): Promise<object> {
  const stateVersion = stateVersionOf(record)
  if (version > stateVersion) return { changes: [], historyGap: true }
  const lines = await sessions.lines.after(record.key, { seq: version, limit: maxChanges + 1 })
  const changes = lines.slice(0, maxChanges).flatMap(({ seq, value }) => {
    const change = changeOf(value)
    return change ? [{ version: seq, ...change, at: value.timestamp, ...(value.runId ? { runId: value.runId } : {}) }] : []
  })
  const more = lines.length > maxChanges
  return { changes, historyGap: false, ...(more ? { hasMore: true, nextVersion: lines[maxChanges - 1]!.seq } : {}) }
}
