/** A message as people see it: marks and silent words taken away, and on history pages no larger than a page can bear. */
import type { AssistantMessage, ImagePart, Message, TextPart, ThinkingPart, ToolCallPart } from '../../protocol/transcript.ts'
import { shownReply } from './reply.ts'

export interface ShownMessage { readonly role: string, readonly content: unknown, readonly [field: string]: unknown }

export const cutMarker = '\n...(truncated)...'
export const omittedText = '[chat.history omitted: message too large]'

/** What a provider wants back with a thought is nothing for clients. */
function shownThought ({ signature, ...part }: ThinkingPart): ThinkingPart {
  return part
}

function shownCall ({ thoughtSignature, ...part }: ToolCallPart): ToolCallPart {
  return part
}

function shownPart (part: AssistantMessage['content'][number]): AssistantMessage['content'][number] | undefined {
  if (part.type === 'thinking') return part.signature === undefined ? part : shownThought(part)
  if (part.type === 'toolCall') return part.thoughtSignature === undefined ? part : shownCall(part)
  const text = shownReply(part.text, true)
  return text === part.text ? part : text === '' ? undefined : { type: 'text', text }
}

/** Undefined for replies of which nothing is for people. */
export function shownMessage (message: Message): Message | undefined {
  if (message.role !== 'assistant') return message
  const content = message.content.map(shownPart).filter(part => part !== undefined)
  const silenced = content.length < message.content.length
  if (silenced && content.every(({ type }) => type === 'thinking')) return undefined
  return { ...message, content }
}

/** Never through the middle of a character. */
function cutText (text: string, maxChars: number): string {
  const end = /[\ud800-\udbff]/.test(text[maxChars - 1] ?? '') ? maxChars - 1 : maxChars
  return text.slice(0, end) + cutMarker
}

type Part = TextPart | ImagePart | ThinkingPart | ToolCallPart

function cutPart (part: Part, maxChars: number): Part {
  if (part.type === 'text' && part.text.length > maxChars) return { ...part, text: cutText(part.text, maxChars) }
  if (part.type === 'thinking' && part.thinking.length > maxChars) return { ...part, thinking: cutText(part.thinking, maxChars) }
  return part
}

/** Texts of at most `maxChars`, and whether something was cut. */
export function cutMessage (message: ShownMessage, maxChars: number): { message: ShownMessage, cut: boolean } {
  const { content } = message
  if (typeof content === 'string') {
    return content.length > maxChars ? { message: { ...message, content: cutText(content, maxChars) }, cut: true } : { message, cut: false }
  }
  const parts = content as readonly Part[]
  const shorter = parts.map(part => cutPart(part, maxChars))
  const cut = shorter.some((part, index) => part !== parts[index])
  return cut ? { message: { ...message, content: shorter }, cut } : { message, cut }
}

/** Without pictures and the details of tool results: what makes messages heavy. Says how much is left out. */
export function lightMessage ({ details, ...message }: ShownMessage): ShownMessage {
  if (typeof message.content === 'string') return message
  const content = (message.content as readonly Part[]).map(part => part.type === 'image'
    ? { type: 'image', mimeType: part.mimeType, omitted: true, bytes: Math.floor(part.data.length * 3 / 4) }
    : part)
  return { ...message, content }
}

/** Stands where a message is that is too large even without them. */
export const placeholder = ({ role, timestamp, __openclaw: place }: ShownMessage): ShownMessage => ({
  role, content: [{ type: 'text', text: omittedText }], timestamp, __openclaw: { ...place as object, truncated: true, reason: 'oversized' }
})

/** Pictures of more than this go to nobody unasked; chat.message.get has them. */
const maxLiveImageChars = 131_072

/** As it goes to everybody who follows the session. */
export function liveMessage (message: ShownMessage): ShownMessage {
  if (typeof message.content === 'string') return message
  let size = 0
  for (const part of message.content as readonly Part[]) if (part.type === 'image') size += part.data.length
  return size > maxLiveImageChars ? lightMessage(message) : message
}
