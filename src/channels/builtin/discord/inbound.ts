/** What people write, in the words of the gateway. */
import type { Attachment, Chat, InboundMessage, Person } from '../../define-channel.ts'
import type { Api } from './api.ts'
import type { Places } from './places.ts'
import { nameOf, textOf } from './text.ts'
import { isSnowflake, spokenTypes, threadTypes, writtenAtMs, type Message, type User, type WireAttachment } from './wire.ts'

export interface Reader {
  readonly self: User
  readonly api: Api
  readonly places: Places
  readonly signal: AbortSignal
}

const kindOf = (mimeType: string): Attachment['kind'] => {
  const [type] = mimeType.split('/')
  return type === 'image' || type === 'audio' || type === 'video' ? type : 'file'
}

const attachmentOf = ({ filename, content_type: type, size, url }: WireAttachment, api: Api): Attachment[] => typeof url !== 'string'
  ? []
  : [{
      kind: kindOf(type ?? ''),
      ...(type === undefined ? {} : { mimeType: type.split(';')[0]!.trim() }),
      ...(filename === undefined ? {} : { name: filename }),
      ...(typeof size === 'number' ? { sizeBytes: size } : {}),
      async fetch (limitBytes, signal) {
        if (typeof size === 'number' && size > limitBytes) throw new Error(`the attachment has ${size} bytes, and ${limitBytes} are allowed`)
        return await api.download(url, limitBytes, signal)
      }
    }]

/** Direct messages are known by whom they are with: that is what settings name. */
async function chatOf (message: Message, sender: User, { places, signal }: Reader): Promise<Chat> {
  const { channel_id: id, guild_id: guildId } = message
  if (guildId === undefined) return { kind: 'direct', id: sender.id }
  const place = await places.find(id, signal)
  const isThread = place !== undefined && threadTypes.has(place.type) && place.parentId !== undefined
  const title = places.nameOf(isThread ? place.parentId! : id)
  return {
    kind: 'channel',
    id: isThread ? place.parentId! : id,
    ...(title === undefined ? {} : { title: [places.guildNameOf(guildId), `#${title}`].filter(Boolean).join(' ') }),
    ...(isThread ? { threadId: id } : {}),
    spaceId: guildId
  }
}

function senderOf ({ member, webhook_id: webhook }: Message, author: User): Person {
  return {
    id: author.id,
    name: member?.nick ?? nameOf(author),
    ...(author.username === undefined ? {} : { username: author.username }),
    ...(author.bot || webhook !== undefined ? { isBot: true } : {}),
    ...(member?.roles ? { roles: member.roles } : {})
  }
}

function replyOf ({ referenced_message: replied, message_reference: reference }: Message, { self, places }: Reader): InboundMessage['replyTo'] {
  // Type 1 is something that was passed on.
  const id = reference?.type === 1 ? undefined : reference?.message_id
  if (id === undefined || !isSnowflake(id)) return undefined
  const text = replied ? textOf(replied, places) : ''
  return { messageId: id, ...(text === '' ? {} : { text }), isOurs: replied?.author?.id === self.id }
}

async function isMention (message: Message, replyTo: InboundMessage['replyTo'], { self, places, signal }: Reader): Promise<boolean> {
  if (replyTo?.isOurs === true || message.mentions?.some(({ id }) => id === self.id)) return true
  return await places.isOurs(message.guild_id!, message.mention_roles ?? [], self.id, signal)
}

/** Undefined for what Discord itself says, such as that somebody has joined, and for what we wrote. */
export async function readMessage (message: Message, isEdit: boolean, reader: Reader): Promise<InboundMessage | undefined> {
  const { id, channel_id: channelId, author, edited_timestamp: edited } = message
  if (!isSnowflake(id) || !isSnowflake(channelId) || !isSnowflake(author?.id) || author!.id === reader.self.id) return undefined
  if (!spokenTypes.has(message.type ?? 0)) return undefined
  // Previews of links are added to messages in the same way, and nobody has written anything then.
  if (isEdit && !edited) return undefined
  const text = textOf(message, reader.places)
  const files = [message, ...(message.message_snapshots ?? []).flatMap(({ message: inner }) => inner ? [inner] : [])]
  const attachments = files.flatMap(({ attachments: list = [] }) => list).flatMap(file => attachmentOf(file, reader.api))
  if (text === '' && attachments.length === 0) return undefined
  const replyTo = replyOf(message, reader)
  const place = `${channelId}:${id}`
  return {
    eventId: isEdit ? `edit:${place}:${edited}` : place,
    messageId: id,
    chat: await chatOf(message, author!, reader),
    sender: senderOf(message, author!),
    text,
    atMs: isEdit ? Date.parse(edited!) || writtenAtMs(id) : writtenAtMs(id),
    ...(message.guild_id === undefined ? {} : { isMention: await isMention(message, replyTo, reader) }),
    ...(replyTo ? { replyTo } : {}),
    ...(attachments.length > 0 ? { attachments } : {}),
    ...(isEdit ? { isEdit: true } : {})
  }
}
