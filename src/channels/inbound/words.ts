/** A message of a service in the words that an agent reads. */
import { wrapUntrusted } from '../../tools/guards/untrusted.ts'
import type { InboundMessage, Person } from '../define-channel.ts'
import type { Heard } from './overheard.ts'

const maxNameChars = 64
const maxQuoteChars = 1_000

/** On one line: people choose their names themselves. */
export function nameOf ({ id, name, username }: Person): string {
  const shown = (name ?? (username === undefined ? '' : `@${username}`)).replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ').trim()
  return shown === '' ? id : shown.slice(0, maxNameChars)
}

const lineOf = ({ sender, text }: Heard): string => `${sender}: ${text}`

/** What others wrote is no order of whoever writes now. */
function contextOf (channel: string, heard: readonly Heard[], { replyTo }: InboundMessage): string[] {
  const quoted = replyTo?.text === undefined || replyTo.isOurs ? [] : [`(answered message) ${replyTo.text.slice(0, maxQuoteChars)}`]
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
  const { chat, sender, replyTo } = message
  const quote = replyTo?.isOurs && replyTo.text !== undefined ? [`[In reply to your message: "${replyTo.text.slice(0, maxQuoteChars)}"]`] : []
  const said = [text, ...notes].filter(Boolean).join('\n')
  const named = chat.kind === 'direct' || said === '' ? said : `${nameOf(sender)}: ${said}`
  return [...contextOf(channel, heard, message), ...quote, named].filter(Boolean).join('\n\n')
}
