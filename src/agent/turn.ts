import type { Message, ToolCallPart, TranscriptLine, Usage } from '../protocol/transcript.ts'
import type { Attempt, ModelInfo, ModelRoute } from '../providers/model.ts'
import { isNote } from '../sessions/note.ts'
import type { Tool } from '../tools/tool.ts'
import type { Run } from './run.ts'
import type { Sessions, SessionWrite } from '../sessions/room.ts'
import type { Voice } from './voice.ts'

export type NewLine = NonNullable<SessionWrite['lines']>[number]

export const noUsage: Usage = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, totalTokens: 0 }

export interface Steering {
  has (): boolean
  waiting (): readonly Run[]
  /** They stand in the transcript now. */
  taken (runs: readonly Run[]): void
}

/** What the steps of one run hand on to each other. */
export interface Turn {
  readonly run: Run
  readonly voice: Voice
  /** Messages that people sent while it goes on and that it takes over before its next step. */
  readonly steering: Steering
  route: ModelRoute
  system: string
  messages: Message[]
  tools: readonly Tool[]
  /** Lines that are committed with the next write. */
  unwritten: NewLine[]
  usage: Usage
  lastUsage: Usage
  model: ModelInfo | undefined
  attempts: readonly Attempt[]
  stopReason: string
  isShortened: boolean
  /** Calls of an earlier process that have done nothing yet: they are carried out now. */
  reopened: ToolCallPart[]
  /** What was said and thought in the steps so far. */
  readonly earlier: string[]
  readonly thoughts: string[]
  /** Calls to functions of the caller, with which the run ends. */
  calls: readonly ToolCallPart[]
  readonly toolNames: Set<string>
}

export function addUsage (a: Usage, b: Usage): Usage {
  const cost = a.cost && b.cost
    ? {
        input: a.cost.input + b.cost.input,
        output: a.cost.output + b.cost.output,
        cacheRead: a.cost.cacheRead + b.cost.cacheRead,
        cacheWrite: a.cost.cacheWrite + b.cost.cacheWrite,
        total: a.cost.total + b.cost.total
      }
    : a.cost ?? b.cost
  return {
    input: a.input + b.input,
    output: a.output + b.output,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite,
    totalTokens: a.totalTokens + b.totalTokens,
    ...(cost ? { cost } : {})
  }
}

/** Tool calls at the end of what was committed that have no result yet. */
export function openCalls (messages: readonly Message[]): ToolCallPart[] {
  const answered = new Set<string>()
  for (let index = messages.length - 1; index >= 0; index--) {
    const message = messages[index]!
    if (message.role === 'toolResult') answered.add(message.toolCallId)
    else if (message.role === 'assistant') return message.content.filter(part => part.type === 'toolCall').filter(({ id }) => !answered.has(id))
    else return []
  }
  return []
}

export const interruptedCall = ({ id, name }: ToolCallPart, timestamp: number, text: string): Message => ({
  role: 'toolResult', toolCallId: id, toolName: name, content: [{ type: 'text', text }], isError: true, timestamp
})

/** What a provider would refuse: a failed reply without words. */
const isEmpty = (message: Message): boolean => message.role === 'assistant' && message.content.length === 0

/** The messages as a model takes them: every call is followed by a result, whatever happened to the run that made it. */
export function modelMessages (stored: readonly Message[], now: number): Message[] {
  const messages: Message[] = []
  const close = (): void => {
    for (const call of openCalls(messages)) messages.push(interruptedCall(call, now, 'No result: the run ended before this tool did.'))
  }
  let mayBeOpen = false
  for (const message of stored) {
    if (isEmpty(message)) continue
    if (mayBeOpen && message.role !== 'toolResult') {
      close()
      mayBeOpen = false
    }
    if (message.role === 'assistant' && message.stopReason !== 'stop') mayBeOpen = true
    messages.push(message)
  }
  if (mayBeOpen) close()
  return messages
}

/** What a model is told of a line. */
export function messageOf (line: TranscriptLine): Message | undefined {
  const { timestamp } = line
  switch (line.type) {
    case 'message': return line.message
    case 'compaction': return { role: 'user', content: `Summary of the conversation so far:\n${line.summary}`, timestamp }
    case 'custom_message': return { role: 'user', content: line.content, timestamp }
  }
}

/** The conversation since it was last shortened or begun anew. */
export async function storedMessages (key: string, sessions: Sessions): Promise<Message[]> {
  const messages: Message[] = []
  for (const { value } of await sessions.context(key)) {
    const message = messageOf(value)
    if (!message) continue
    // What was put in while tools were at work must not part calls from their results.
    const isBetween = isNote(message) && openCalls(messages).length > 0
    if (isBetween) messages.splice(messages.findLastIndex(({ role }) => role === 'assistant'), 0, message)
    else messages.push(message)
  }
  return messages
}
