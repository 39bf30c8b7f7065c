/** What people write, in the words of the gateway. */
import type { Chat, InboundMessage, Person } from '../../define-channel.ts'
import type { Api } from './api.ts'
import { attachmentsOf } from './attachments.ts'
import { describe, readText } from './text.ts'
import { generalTopicId, updateKinds, type Message, type Update, type User } from './wire.ts'

export interface Reader {
  readonly self: User
  readonly api: Api
}

export interface Found {
  readonly message: Message
  readonly isEdit: boolean
}

/** A server of somebody's own may speak differently: what has no ids is no message. */
export function messageOf (update: Update): Found | undefined {
  for (const kind of updateKinds) {
    const message = update[kind]
    if (typeof message?.message_id === 'number' && typeof message.chat?.id === 'number') return { message, isEdit: kind.startsWith('edited') }
  }
  return undefined
}

function threadOf ({ chat, is_topic_message: isTopic, message_thread_id: thread }: Message): string | undefined {
  // In groups without topics the same field counts chains of replies.
  if (isTopic && thread !== undefined) return String(thread)
  return chat.is_forum ? generalTopicId : undefined
}

function chatOf (message: Message): Chat {
  const { id, type, title } = message.chat
  const threadId = threadOf(message)
  return {
    kind: type === 'private' ? 'direct' : type === 'channel' ? 'channel' : 'group',
    id: String(id),
    ...(title === undefined ? {} : { title }),
    ...(threadId === undefined ? {} : { threadId })
  }
}

/** Whoever writes in the name of a group or channel is that group or channel: the user beside it is the same for all of them. */
function senderOf ({ from, sender_chat: group, chat }: Message): Person {
  const author = group ?? (from ? undefined : chat)
  if (author) return { id: String(author.id), ...named(author.title, author.username) }
  const { id, first_name: first, last_name: last, username, is_bot: isBot } = from!
  return { id: String(id), ...named([first, last].filter(Boolean).join(' '), username), ...(isBot ? { isBot } : {}) }
}

const named = (name: string | undefined, username: string | undefined): Pick<Person, 'name' | 'username'> =>
  ({ ...(name ? { name } : {}), ...(username === undefined ? {} : { username }) })

function replyOf ({ reply_to_message: replied, quote }: Message, { self }: Reader): InboundMessage['replyTo'] {
  // The first message of a topic stands behind all of them and was answered by none.
  if (!replied || replied.forum_topic_created) return undefined
  const text = quote?.text ?? replied.text ?? replied.caption
  return { messageId: String(replied.message_id), ...(text ? { text } : {}), isOurs: replied.from?.id === self.id }
}

const textOf = (message: Message, { self }: Reader): ReturnType<typeof readText> => {
  const { text, entities, caption, caption_entities: captionEntities } = message
  return text === undefined ? readText(caption ?? '', captionEntities ?? [], self) : readText(text, entities ?? [], self)
}

/** One message, or the pieces of an album. Undefined for what only the service itself says, such as that somebody has joined. */
export function readMessage (pieces: readonly Message[], reader: Reader, edit?: Update): InboundMessage | undefined {
  const [first] = pieces
  if (!first || (first.from?.id === reader.self.id && !first.sender_chat)) return undefined
  const texts = pieces.map(piece => textOf(piece, reader))
  const text = texts.map(part => part.text).filter(Boolean).join('\n') || describe(first)
  const attachments = pieces.flatMap(piece => attachmentsOf(piece, reader.api))
  if (text === '' && attachments.length === 0) return undefined
  const chat = chatOf(first)
  const replyTo = replyOf(first, reader)
  const place = `${first.chat.id}:${first.message_id}`
  return {
    eventId: edit ? `edit:${place}:${edit.update_id}` : first.media_group_id === undefined ? place : `album:${place}`,
    messageId: String(first.message_id),
    chat,
    sender: senderOf(first),
    text,
    atMs: (first.edit_date ?? first.date) * 1000,
    ...(chat.kind === 'direct' ? {} : { isMention: texts.some(part => part.isMention) || replyTo?.isOurs === true }),
    ...(replyTo ? { replyTo } : {}),
    ...(attachments.length > 0 ? { attachments } : {}),
    ...(edit ? { isEdit: true } : {})
  }
}
