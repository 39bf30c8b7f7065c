/** What people write, in the words of the gateway. */
import type { Attachment, Chat, InboundMessage } from '../../define-channel.ts'
import type { Api } from './api.ts'
import { readTapback } from './tapbacks.ts'
import type { WireAttachment, WireChat, WireMessage } from './wire.ts'

export interface Reader {
  readonly api: Api
  readonly hearsReactions: boolean
  /** A message that this account sent. */
  readonly isOurs: (guid: string) => boolean
}

/** Stands in the text where a file is. */
const fileMark = /\ufffc/g

const kindOf = (mimeType = ''): Attachment['kind'] => {
  const [type] = mimeType.split('/')
  return type === 'image' || type === 'audio' || type === 'video' ? type : 'file'
}

const attachmentOf = ({ guid, mimeType, transferName, totalBytes }: WireAttachment, api: Api): Attachment => ({
  kind: kindOf(mimeType ?? undefined),
  ...(mimeType ? { mimeType } : {}),
  name: transferName ?? 'attachment',
  ...(typeof totalBytes === 'number' ? { sizeBytes: totalBytes } : {}),
  async fetch (limitBytes, signal) {
    if (typeof totalBytes === 'number' && totalBytes > limitBytes) throw new Error(`the attachment has ${totalBytes} bytes, and ${limitBytes} are allowed`)
    return await api.download(guid, limitBytes, signal)
  }
})

export const isGroup = ({ guid, style }: WireChat): boolean => style === 43 || (style !== 45 && guid.includes(';+;'))

const chatOf = (chat: WireChat): Chat => ({ kind: isGroup(chat) ? 'group' : 'direct', id: chat.guid, ...(chat.displayName ? { title: chat.displayName } : {}) })

/** `p:0/GUID` and `bp:GUID` name a part of a message. */
const messageIdOf = (guid: string): string => guid.replace(/^(?:p:\d+\/|bp:)/, '')

function tapbackText ({ associatedMessageType: type, associatedMessageEmoji: emoji }: WireMessage): string {
  const tapback = readTapback(type!, emoji)
  if (!tapback) return ''
  return tapback.isTakenBack ? `[reaction ${tapback.emoji} taken back]` : `[reaction: ${tapback.emoji}]`
}

/** Undefined for what we said ourselves, and for what only the service says. */
export function readMessage (message: WireMessage, { api, hearsReactions, isOurs }: Reader): InboundMessage | undefined {
  const { guid, handle, chats, dateCreated, dateEdited, dateRetracted, isFromMe, itemType, associatedMessageGuid: about } = message
  const [chat] = chats ?? []
  const address = handle?.address
  if (isFromMe || !chat || !address || (itemType ?? 0) !== 0 || dateRetracted) return undefined
  const isTapback = Boolean(about) && message.associatedMessageType !== null && message.associatedMessageType !== undefined
  if (isTapback && !hearsReactions) return undefined
  const attachments = (message.attachments ?? []).filter(file => typeof file?.guid === 'string' && !file.hideAttachment).map(file => attachmentOf(file, api))
  const written = [message.subject, message.text?.replace(fileMark, '').trim()].filter(Boolean).join('\n')
  const text = isTapback ? tapbackText(message) : written
  if (text === '' && attachments.length === 0) return undefined
  const answered = isTapback ? messageIdOf(about!) : message.threadOriginatorGuid
  const replyTo = answered ? { messageId: answered, isOurs: isOurs(answered) } : undefined
  return {
    eventId: dateEdited ? `edit:${guid}:${dateEdited}` : guid,
    messageId: guid,
    chat: chatOf(chat),
    sender: { id: address },
    text,
    atMs: dateEdited ?? dateCreated ?? Date.now(),
    ...(isGroup(chat) && replyTo?.isOurs ? { isMention: true } : {}),
    ...(replyTo ? { replyTo } : {}),
    ...(attachments.length > 0 ? { attachments } : {}),
    ...(dateEdited ? { isEdit: true } : {})
  }
}
