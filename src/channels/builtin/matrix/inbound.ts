/** What people write, in the words of the gateway. */
import type { Attachment, InboundMessage } from '../../define-channel.ts'
import { isJson, type Json } from '../../http/service.ts'
import type { Api } from './api.ts'
import type { RoomFacts } from './rooms.ts'
import { isEventId, type Content, type RoomEvent } from './wire.ts'

export interface Replied { readonly text?: string, readonly isOurs: boolean }

export interface Reader {
  readonly api: Api
  readonly selfId: string
  readonly hearsReactions: boolean
}

const textAt = (content: Json | undefined, key: string): string | undefined => typeof content?.[key] === 'string' ? content[key] as string : undefined
const jsonAt = (content: Json | undefined, key: string): Json | undefined => isJson(content?.[key]) ? content[key] as Json : undefined

const kinds: { readonly [msgtype: string]: Attachment['kind'] } = { 'm.image': 'image', 'm.audio': 'audio', 'm.video': 'video', 'm.file': 'file' }

function attachmentsOf (content: Content, api: Api): Attachment[] {
  const kind = kinds[textAt(content, 'msgtype') ?? '']
  const uri = textAt(content, 'url')
  if (!kind || uri === undefined) return []
  const info = jsonAt(content, 'info')
  const mimeType = textAt(info, 'mimetype')
  const size = typeof info?.size === 'number' ? info.size : undefined
  return [{
    kind,
    name: textAt(content, 'filename') ?? textAt(content, 'body') ?? kind,
    ...(mimeType === undefined ? {} : { mimeType }),
    ...(size === undefined ? {} : { sizeBytes: size }),
    fetch: async (limitBytes, signal) => await api.download(uri, limitBytes, signal)
  }]
}

/** Older clients repeat above an answer what it answers. */
const withoutQuote = (body: string): string => body.startsWith('> ') ? body.replace(/^(?:> ?.*\n)+\n?/, '') : body

function textOf (content: Content, isAnswer: boolean): string {
  const body = textAt(content, 'body') ?? ''
  const type = textAt(content, 'msgtype')
  if (type === 'm.location') return `[location: ${body} ${textAt(content, 'geo_uri') ?? ''}]`
  if (type !== undefined && kinds[type]) {
    // Without a name of its own, the body is the name of the file.
    const name = textAt(content, 'filename')
    return name === undefined || name === body ? '' : body
  }
  const text = isAnswer ? withoutQuote(body) : body
  return type === 'm.emote' ? `* ${text}` : text
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** Clients of today say whom they mention; of others the name has to be found in the text. */
function isMention (content: Content, text: string, selfId: string, names: RoomFacts['names']): boolean {
  const mentions = jsonAt(content, 'm.mentions')
  if (mentions) return Array.isArray(mentions.user_ids) && mentions.user_ids.includes(selfId)
  const html = textAt(content, 'formatted_body') ?? ''
  if (text.includes(selfId) || html.includes(`matrix.to/#/${selfId}`) || html.includes(`matrix.to/#/${encodeURIComponent(selfId)}`)) return true
  const words = [selfId.slice(1).split(':')[0]!, names[selfId] ?? ''].filter(word => word.length > 1)
  return words.some(word => new RegExp(`(?<![\\p{L}\\p{N}])${escaped(word)}(?![\\p{L}\\p{N}])`, 'iu').test(text.slice(0, 4000)))
}

export interface Relation {
  readonly kind: 'thread' | 'replace' | 'annotation' | 'none'
  readonly eventId: string | undefined
  /** The message that is answered. */
  readonly answers: string | undefined
}

export function relationOf ({ content }: RoomEvent): Relation {
  const relates = jsonAt(content, 'm.relates_to')
  const type = textAt(relates, 'rel_type')
  const given = textAt(relates, 'event_id')
  const eventId = given !== undefined && isEventId(given) ? given : undefined
  const kind = eventId === undefined ? 'none' : type === 'm.thread' ? 'thread' : type === 'm.replace' ? 'replace' : type === 'm.annotation' ? 'annotation' : 'none'
  const answered = textAt(jsonAt(relates, 'm.in_reply_to'), 'event_id')
  // In threads it is there for clients that know none.
  const isReal = answered !== undefined && isEventId(answered) && !(kind === 'thread' && relates?.is_falling_back === true)
  return { kind, eventId, answers: kind === 'annotation' ? eventId : isReal ? answered : undefined }
}

const reactionText = ({ content }: RoomEvent): string => `[reaction: ${(textAt(jsonAt(content, 'm.relates_to'), 'key') ?? '').slice(0, 100)}]`

/** Undefined for what is no message to us. */
export function readEvent (
  event: RoomEvent, roomId: string, facts: RoomFacts, replied: Replied | undefined, reader: Reader
): InboundMessage | undefined {
  const { api, selfId, hearsReactions } = reader
  const { event_id: eventId, sender, origin_server_ts: atMs = Date.now() } = event
  const relation = relationOf(event)
  const isReaction = event.type === 'm.reaction'
  if (sender === selfId || (isReaction && (!hearsReactions || relation.kind !== 'annotation'))) return undefined
  const isEdit = relation.kind === 'replace'
  const content = (isEdit ? jsonAt(event.content, 'm.new_content') : undefined) ?? event.content
  // Notices are what programs say; answering them is how programs talk for ever.
  if (!isReaction && (textAt(content, 'msgtype') === undefined || textAt(content, 'msgtype') === 'm.notice')) return undefined
  const text = isReaction ? reactionText(event) : textOf(content, relation.answers !== undefined)
  const attachments = isReaction ? [] : attachmentsOf(content, api)
  if (text.trim() === '' && attachments.length === 0) return undefined
  const name = facts.names[sender]
  return {
    eventId,
    messageId: isEdit ? relation.eventId! : eventId,
    chat: { kind: facts.isDirect ? 'direct' : 'group', id: roomId, ...(relation.kind === 'thread' ? { threadId: relation.eventId! } : {}) },
    sender: { id: sender, ...(name === undefined ? {} : { name }) },
    text,
    atMs,
    ...(facts.isDirect ? {} : { isMention: isMention(content, text, selfId, facts.names) || replied?.isOurs === true }),
    ...(relation.answers === undefined ? {} : { replyTo: { messageId: relation.answers, ...replied } }),
    ...(attachments.length > 0 ? { attachments } : {}),
    ...(isEdit ? { isEdit: true } : {})
  }
}
