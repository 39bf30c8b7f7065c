/** What a helper is told of the conversation that began it, when it is to know. */
import type { AssistantMessage, LineBody, TranscriptLine } from '../../protocol/transcript.ts'
import type { Sessions } from '../../sessions/room.ts'

/** What it cost was paid where it was said. */
const nothing: AssistantMessage['usage'] = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 0 }

function bodyOf (line: TranscriptLine): LineBody | undefined {
  if (line.type === 'compaction') return { type: 'custom_message', customType: 'fork-summary', content: `Summary of what was said before:\n${line.summary}`, display: false }
  if (line.type !== 'message') return undefined
  const { message } = line
  return { type: 'message', message: message.role === 'assistant' ? { ...message, usage: nothing } : message }
}

/** The step that begins the helper has no result yet, and is none of its business. */
function isOpenStep (body: LineBody | undefined): boolean {
  if (body?.type !== 'message') return false
  const { message } = body
  return message.role === 'toolResult' || (message.role === 'assistant' && message.content.some(({ type }) => type === 'toolCall'))
}

export async function forkLines (key: string, sessions: Pick<Sessions, 'context'>): Promise<LineBody[]> {
  const lines = (await sessions.context(key)).map(({ value }) => bodyOf(value)).filter(body => body !== undefined)
  while (isOpenStep(lines.at(-1))) lines.pop()
  return lines
}
