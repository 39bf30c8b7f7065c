/** A message of a service in the words that an agent reads. */
import { cutText, wrapUntrusted } from '../../tools/guards/untrusted.ts'
import type { InboundMessage, Person } from '../define-channel.ts'
import type { Heard } from './overheard.ts'

const maxNameChars = 64
const maxQuoteChars = 500

/** On one line: people choose their names themselves. */
export function nameOf ({ id, name, username }: Person): string {
  const shown = (name ?? (username === undefined ? '' : `@${username}`)).replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()
  return shown === '' ? id : shown.slice(0, maxNameChars)
}

const lineOf = ({ sender, text }: Heard): string => `${sender}: ${text}`

/** What others wrote, or the agent repeated, is no order of whoever writes now. */
function contextOf (channel: string, heard: readonly Heard[], { replyTo }: InboundMessage): string[] {
  const author = replyTo?.isOurs ? 'your own message' : 'the message'
  const quoted = replyTo?.text === undefined ? [] : [`(${author} that is answered) ${cutText(replyTo.text, maxQuoteChars)}`]
  const lines = [...heard.map(lineOf), ...quoted]
  if (lines.length === 0) return []
  return [wrapUntrusted(lines.join('\n'), { source: `earlier messages of this ${channel} chat, for context`, withNotice: false, isStable: true })]
}

export interface Spoken {
  readonly channel: string
  readonly message: InboundMessage
  /** What is left of the text when it began with an order. */
  readonly text: string
  readonly heard: readonly Heard[]
  /** About what was attached. */
  readonly notes: readonly string[]
}

export function wordsOf ({ channel, message, text, heard, notes }: Spoken): string {
  const { chat, sender } = message
  const said = [text, ...notes].filter(Boolean).join('\n')
  const named = chat.kind === 'direct' || said === '' ? said : `${nameOf(sender)}: ${said}`
  return [...contextOf(channel, heard, message), named].filter(Boolean).join('\n\n')
}
