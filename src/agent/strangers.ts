/** Messages of people who may speak to an agent and not give it orders: a model reads them between marks, people as they are. */
import type { Message } from '../protocol/transcript.ts'
import { wrapMessage } from '../tools/guards/untrusted.ts'

/** Where a stranger's message comes from; undefined for what is the owner's, or of no person. */
function sourceOf (message: Message): { source: string, sender?: string } | undefined {
  if (message.role !== 'user' || message.__openclaw === undefined) return undefined
  const { senderIsOwner, channel, sender, external } = message.__openclaw
  // Whoever lets something in that nobody is answerable for (a webhook, a mail) says what it is.
  const source = typeof external === 'string' ? external : typeof channel === 'string' && senderIsOwner !== true ? `${channel} message` : undefined
  return source === undefined ? undefined : { source, ...typeof sender === 'string' ? { sender } : {} }
}

const known = new WeakMap<Message, Message>()

function marked (message: Message): Message {
  const from = sourceOf(message)
  if (!from || message.role !== 'user') return message
  const { content } = message
  const wrap = (text: string): string => wrapMessage(text, { ...from, isStable: true })
  return { ...message, content: typeof content === 'string' ? wrap(content) : content.map(part => part.type === 'text' ? { ...part, text: wrap(part.text) } : part) }
}

/** The messages as a model takes them. */
export const withMarks = (messages: readonly Message[]): Message[] => messages.map(message => {
  const found = known.get(message) ?? marked(message)
  known.set(message, found)
  return found
})
