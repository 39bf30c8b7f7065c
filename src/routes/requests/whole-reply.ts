/** The whole of a reply: what is remembered of a run that is over ends after a while, the transcript has all of it. */
import type { RunResult } from '../../agent/room.ts'
import { visibleReply } from '../../agent/replies.ts'
import type { Sessions } from '../../sessions/room.ts'

/** What is remembered of a long reply has at least so many characters. */
const leastCutChars = 8_000
const maxLines = 200

export async function wholeReply (sessions: Pick<Sessions, 'lines'>, { text, sessionKey, sessionId, runId }: RunResult): Promise<string> {
  if (text.length < leastCutChars) return text
  const lines = await sessions.lines.tail(sessionKey, { limit: maxLines, sessionId })
  const last = lines.findLast(({ value }) => value.runId === runId && value.type === 'message' && value.message.role === 'assistant')?.value
  if (last?.type !== 'message' || last.message.role !== 'assistant') return text
  const whole = last.message.content.map(part => part.type === 'text' ? part.text : '').join('')
  const shown = visibleReply(whole, true)
  return shown.startsWith(text) ? shown : text
}
