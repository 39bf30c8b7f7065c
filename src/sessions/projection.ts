/** What the row of a session says after lines were added: counted here, so that no list ever opens a transcript. */
import type { LineBody, Message } from '../protocol/transcript.ts'
import type { SessionRecord } from './record.ts'
import { isBackground, parseKey } from './keys.ts'

const previewItems = 4
const previewCharacters = 200
const titleCharacters = 80

type Draft = { -readonly [field in keyof SessionRecord]: SessionRecord[field] }

/** The text of a message that a person sees; thoughts, calls and results are none. */
export function visibleText (message: Message): string {
  if (message.role === 'toolResult') return ''
  if (typeof message.content === 'string') return message.content
  let text = ''
  for (const part of message.content) if (part.type === 'text') text += text === '' ? part.text : `\n${part.text}`
  return text
}

export const shorten = (text: string, characters: number): string =>
  text.length <= characters ? text : `${text.slice(0, characters - 1)}…`

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()

function countMessage (draft: Draft, message: Message, now: number): void {
  draft.messageCount = (draft.messageCount ?? 0) + 1
  draft.lastActivityAt = now
  if (message.role === 'toolResult') return
  const text = visibleText(message)
  if (message.role === 'assistant') draft.unread = true
  if (text === '') return
  draft.preview = [...(draft.preview ?? []).slice(1 - previewItems), { role: message.role, text: shorten(text, previewCharacters) }]
  if (message.role === 'user') {
    // Work behind the conversations of people keeps none of them fresh.
    if (!isBackground(parseKey(draft.key)) && message.__openclaw?.background !== true) draft.lastInteractionAt = now
    draft.derivedTitle ??= shorten(oneLine(text.slice(0, titleCharacters * 4)), titleCharacters)
  }
}

function beginAnew (draft: Draft, seq: number, now: number): void {
  draft.contextSeq = seq
  draft.compactionId = undefined
  draft.sessionStartedAt = now
  draft.lifecycleRevision = Math.max(now, draft.lifecycleRevision + 1)
  Object.assign(draft, emptyConversation())
}

/** The counters of a conversation in which nothing was said yet. */
export const emptyConversation = (): Partial<SessionRecord> => ({
  messageCount: 0,
  compactionCount: 0,
  inputTokens: 0,
  outputTokens: 0,
  totalTokens: 0,
  estimatedCostUsd: undefined,
  usage: undefined,
  preview: undefined,
  derivedTitle: undefined,
  abortedLastRun: false,
  status: undefined,
  startedAt: undefined,
  endedAt: undefined,
  runtimeMs: undefined
})

/** Changes `draft` as the line asks. */
export function project (draft: Draft, body: LineBody, place: { seq: number, id: string }, now: number): void {
  draft.lastSeq = place.seq
  draft.leafId = place.id
  switch (body.type) {
    case 'message': return countMessage(draft, body.message, now)
    case 'reset': return beginAnew(draft, place.seq, now)
    case 'compaction':
      draft.compactionCount = (draft.compactionCount ?? 0) + 1
      draft.compactionId = place.id
      // Whoever keeps lines says in the patch of the same write where they begin.
      draft.contextSeq = place.seq
      return
    default: draft.lastActivityAt = now
  }
}
