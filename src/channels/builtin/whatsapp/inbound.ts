/** What people write, in the words of the gateway. */
import type { Attachment, InboundMessage } from '../../define-channel.ts'
import type { Api } from './api.ts'
import { attachmentsOf } from './attachments.ts'
import type { WireMessage, WireValue } from './wire.ts'

export interface Reader {
  readonly api: Api
  readonly hearsReactions: boolean
}

/** Messages that are neither text nor files, in words. */
function described ({ type, location, contacts, reaction }: WireMessage): string {
  if (location) {
    const place = [location.name, location.address].filter(Boolean).join(', ')
    return `[location: ${place === '' ? '' : `${place} `}${location.latitude}, ${location.longitude}]`
  }
  if (contacts) {
    return contacts.map(({ name, phones }) => `[contact: ${[name?.formatted_name, ...(phones ?? []).map(({ phone }) => phone)].filter(Boolean).join(' ')}]`).join('\n')
  }
  if (reaction) return reaction.emoji ? `[reaction: ${reaction.emoji}]` : '[reaction taken back]'
  return type === 'unsupported' ? '[a message that WhatsApp does not hand on]' : ''
}

function textOf (message: WireMessage): string {
  const { text, image, video, document, button, interactive } = message
  const { button_reply: pressed, list_reply: chosen } = interactive ?? {}
  const written = text?.body ?? image?.caption ?? video?.caption ?? document?.caption ?? button?.text ?? pressed?.title ?? chosen?.title
  return written ?? described(message)
}

const digits = (number = ''): string => number.replace(/\D/g, '')

function replyOf ({ context, reaction }: WireMessage, { metadata }: WireValue): InboundMessage['replyTo'] {
  const messageId = context?.id ?? reaction?.message_id
  if (messageId === undefined) return undefined
  const own = digits(metadata?.display_phone_number)
  return { messageId, ...(context?.from === undefined || own === '' ? {} : { isOurs: digits(context.from) === own }) }
}

/** Undefined for what only the service itself says. */
export function readMessage (message: WireMessage, value: WireValue, { api, hearsReactions }: Reader): InboundMessage | undefined {
  if (message.reaction && !hearsReactions) return undefined
  const text = textOf(message)
  const attachments: Attachment[] = attachmentsOf(message, api)
  if (text === '' && attachments.length === 0) return undefined
  const name = value.contacts?.find(contact => contact.wa_id === message.from)?.profile?.name
  const replyTo = replyOf(message, value)
  const group = message.group_id
  return {
    eventId: message.id,
    messageId: message.id,
    chat: group === undefined ? { kind: 'direct', id: message.from } : { kind: 'group', id: group },
    sender: { id: message.from, ...(name ? { name } : {}) },
    text,
    atMs: Number(message.timestamp ?? 0) * 1000 || Date.now(),
    ...(group !== undefined && replyTo?.isOurs === true ? { isMention: true } : {}),
    ...(replyTo ? { replyTo } : {}),
    ...(attachments.length > 0 ? { attachments } : {})
  }
}
