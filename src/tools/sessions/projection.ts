/** Messages of a conversation as tools hand them out: without thoughts, pictures and credentials, and never too much. */
import type { Message, ToolCallPart, TranscriptLine } from '../../protocol/transcript.ts'
import { shownMessage } from '../../sessions/display/message.ts'
import type { Line } from '../../store/store.ts'

export const maxTextChars = 4000

export interface ShownLine {
  readonly role: string
  readonly content: unknown
  readonly [field: string]: unknown
}

export interface Projection {
  readonly line: ShownLine
  readonly isCut: boolean
  readonly isRedacted: boolean
}

interface Marks { isCut: boolean, isRedacted: boolean }
type Redact = (text: string) => string

function clean (text: string, redact: Redact, marks: Marks): string {
  const safe = redact(text)
  if (safe !== text) marks.isRedacted = true
  if (safe.length <= maxTextChars) return safe
  marks.isCut = true
  return `${safe.slice(0, maxTextChars).replace(/[\ud800-\udbff]$/, '')}\n...(truncated)...`
}

function cleanArguments ({ arguments: given }: ToolCallPart, redact: Redact, marks: Marks): unknown {
  const text = JSON.stringify(given)
  const safe = clean(text, redact, marks)
  if (safe === text) return given
  try {
    return JSON.parse(safe)
  } catch {
    return safe
  }
}

function contentOf ({ content }: Message, redact: Redact, marks: Marks): unknown {
  if (typeof content === 'string') return [{ type: 'text', text: clean(content, redact, marks) }]
  return content.flatMap((part): object[] => {
    if (part.type === 'text') return [{ type: 'text', text: clean(part.text, redact, marks) }]
    if (part.type === 'image') return [{ type: 'image', mimeType: part.mimeType, omitted: true }]
    if (part.type === 'thinking') return []
    return [{ type: 'toolCall', id: part.id, name: part.name, arguments: cleanArguments(part, redact, marks) }]
  })
}

function callsOf (content: unknown): object {
  const calls = (content as Array<{ type: string }>).filter(({ type }) => type === 'toolCall')
  return calls.length > 0 ? { tool_calls: calls } : {}
}

function fieldsOf (message: Message, content: unknown): object {
  if (message.role === 'toolResult') return { toolCallId: message.toolCallId, tool_call_id: message.toolCallId, toolName: message.toolName, isError: message.isError }
  if (message.role !== 'assistant') return message.__openclaw?.['inputProvenance'] === undefined ? {} : { provenance: message.__openclaw['inputProvenance'] }
  const { api, provider, model, stopReason } = message
  return { api, provider, model, stopReason, ...callsOf(content) }
}

/** Undefined for lines of which there is nothing to show. */
export function project ({ seq, id, value }: Line<TranscriptLine>, includeTools: boolean, redact: Redact): Projection | undefined {
  const marks: Marks = { isCut: false, isRedacted: false }
  const place = { timestamp: value.timestamp, __openclaw: { id, seq } }
  if (value.type === 'compaction') {
    return { line: { role: 'system', content: [{ type: 'text', text: clean(value.summary, redact, marks) }], ...place }, ...marks }
  }
  if (value.type !== 'message') return undefined
  const message = shownMessage(value.message)
  if (!message || (message.role === 'toolResult' && !includeTools)) return undefined
  const content = contentOf(message, redact, marks) as unknown[]
  if (content.length === 0) return undefined
  return { line: { role: message.role, content, ...fieldsOf(message, content), ...place }, ...marks }
}
