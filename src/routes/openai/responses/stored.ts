/** A response as the conversation and the row of its run tell it, also after a restart. */
import type { Message, StopReason, TranscriptLine } from '../../../protocol/transcript.ts'
import type { Sessions } from '../../../sessions/room.ts'
import { shownReply } from '../../../sessions/display/reply.ts'
import type { Line } from '../../../store/store.ts'
import type { ResponseRecord } from './records.ts'
import { createSequence, type Sequence } from './sequence.ts'
import { itemId, textContent, type Ending, type ResponseEvent } from './shapes.ts'

export interface Said { readonly id: string, readonly message: Message }

export interface RunMessages {
  /** What the request brought. */
  readonly given: readonly Said[]
  /** What came of it, calls of the agent's own tools and their results included. */
  readonly answered: readonly Message[]
}

const pageSize = 100
const maxPages = 200

/** The lines of a run, which stand somewhere near the end of its conversation. Undefined: the conversation is gone. */
export async function linesOfRun (record: ResponseRecord, sessions: Sessions): Promise<Said[] | undefined> {
  const { sessionKey, runId, createdAtMs } = record
  await sessions.ready
  const session = sessions.get(sessionKey)
  if (!session) return undefined
  const found: Said[] = []
  for (const sessionId of [session.sessionId, ...(session.generations ?? []).toReversed()]) {
    let before: number | undefined
    for (let page = 0; page < maxPages; page++) {
      const range = { limit: pageSize, sessionId, ...before === undefined ? {} : { before } }
      const lines: ReadonlyArray<Line<TranscriptLine>> = await sessions.lines.tail(sessionKey, range)
      found.unshift(...lines.flatMap(({ id, value }) => value.type === 'message' && value.runId === runId ? [{ id, message: value.message }] : []))
      const [first] = lines
      if (!first || lines.length < pageSize || first.value.timestamp < createdAtMs) break
      before = first.seq
    }
    if (found.length > 0 || session.sessionStartedAt <= createdAtMs) break
  }
  return found
}

/** Apart: what the request brought, and what came of it. */
export function messagesOf ({ runId, answered }: Pick<ResponseRecord, 'runId' | 'answered'>, said: readonly Said[]): RunMessages {
  const own = (message: Message): boolean => message.role === 'user' && message.idempotencyKey === `${runId}:user`
  const results = new Set(answered)
  const last = said.findLastIndex(({ message }) => own(message) || (message.role === 'toolResult' && results.has(message.toolCallId)))
  return { given: said.slice(0, last + 1), answered: said.slice(last + 1).map(({ message }) => message) }
}

export const shownText = (content: ReadonlyArray<{ readonly type: string, readonly text?: string }>): string =>
  shownReply(content.map(({ type, text = '' }) => type === 'text' ? text : '').join(''), true)

/** Says again what was said: the same items with the same ids as in the stream. */
export function retell (record: ResponseRecord, answered: readonly Message[], tell: (event: ResponseEvent) => void): Sequence {
  const { echo, thoughts } = record
  const functions = new Set(echo.tools.map(({ name }) => name))
  const sequence = createSequence(record, tell)
  sequence.begin('in_progress')
  for (const message of answered) {
    if (message.role !== 'assistant') continue
    sequence.nextMessage()
    if (thoughts) for (const part of message.content) if (part.type === 'thinking') sequence.thinking(part.thinking)
    sequence.text(shownText(message.content))
    for (const part of message.content) {
      if (part.type === 'toolCall' && functions.has(part.name)) sequence.call({ ...part, arguments: JSON.stringify(part.arguments) })
    }
  }
  return sequence
}

const endings: { readonly [reason in StopReason]: Pick<Ending, 'status' | 'reason'> } = {
  stop: { status: 'completed' },
  toolUse: { status: 'completed' },
  length: { status: 'incomplete', reason: 'max_output_tokens' },
  aborted: { status: 'cancelled' },
  error: { status: 'failed' }
}

/** How it ended, from the last thing that was said: for those whose run nobody remembers any more. */
export function endingOf (answered: readonly Message[]): Ending | undefined {
  const last = answered.findLast(message => message.role === 'assistant')
  if (last?.role !== 'assistant') return undefined
  const { stopReason, errorMessage, timestamp, usage } = last
  return {
    ...endings[stopReason],
    endedAtMs: timestamp,
    usage,
    ...stopReason === 'error' ? { failure: { code: 'server_error', message: errorMessage ?? 'the run failed' } } : {}
  }
}

function contentItems (content: Message['content']): object[] {
  if (typeof content === 'string') return [{ type: 'input_text', text: content }]
  return content.flatMap((part): object[] => {
    if (part.type === 'text') return [{ type: 'input_text', text: part.text }]
    return part.type === 'image' ? [{ type: 'input_image', detail: 'auto', image_url: `data:${part.mimeType};base64,${part.data}` }] : []
  })
}

export interface InputItem { readonly id: string, readonly type: string, readonly [field: string]: unknown }

/** What the request brought, as items: each message of a model may be several. */
export function inputItems (given: readonly Said[]): InputItem[] {
  return given.flatMap(({ id, message }): InputItem[] => {
    const status = 'completed'
    if (message.role === 'user') return [{ id: `msg_${id}`, type: 'message', role: 'user', status, content: contentItems(message.content) }]
    if (message.role === 'toolResult') {
      const { toolCallId, content } = message
      const isText = content.length === 1 && content[0]!.type === 'text'
      const output = isText ? (content[0] as { text: string }).text : contentItems(content)
      return [{ id: `fco_${id}`, type: 'function_call_output', status, call_id: toolCallId, output }]
    }
    const text = shownText(message.content)
    const calls = message.content.filter(part => part.type === 'toolCall')
    return [
      ...text === '' ? [] : [{ id: `msg_${id}`, type: 'message', role: 'assistant', status, content: [textContent(text)] }],
      ...calls.map((call, index) => ({
        id: itemId('fc', id, index), type: 'function_call', status, call_id: call.id, name: call.name, arguments: JSON.stringify(call.arguments)
      }))
    ]
  })
}
