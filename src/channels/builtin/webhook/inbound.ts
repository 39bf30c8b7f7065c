/** What programs bring, in the words of the gateway. Whatever does not fit is refused with its name, before anything is kept. */
import type { Attachment, InboundMessage } from '../../define-channel.ts'
import { isJson, type Json } from '../../http/service.ts'

export type Fetch = (url: string, limitBytes: number, signal: AbortSignal) => Promise<Uint8Array>

/** Which field does not fit, and how it would. */
export class Misfit extends Error {}

const longestText = 100_000
const longestId = 200
const longestName = 200
const mostAttachments = 10

/** Ids stand in keys of conversations and in logs. */
function idAt (from: Json, key: string, where = key): string | undefined {
  const value = from[key]
  if (value === undefined || value === null) return undefined
  const id = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  if (typeof id !== 'string' || id.trim() === '' || id.length > longestId || /[\p{Cc}\p{Cs}]/u.test(id)) {
    throw new Misfit(`${where} must be text of 1 to ${longestId} characters`)
  }
  return id
}

function textAt (from: Json, key: string, most: number, where = key): string | undefined {
  const value = from[key]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string' || value.length > most) throw new Misfit(`${where} must be text of ${most} characters at most`)
  return value.toWellFormed()
}

function objectAt (from: Json, key: string): Json {
  const value = from[key] ?? {}
  if (!isJson(value)) throw new Misfit(`${key} must be an object`)
  return value
}

const isKind = (value: unknown): value is Attachment['kind'] => value === 'image' || value === 'audio' || value === 'video' || value === 'file'

function attachmentOf (value: unknown, fetch: Fetch, index: number): Attachment {
  const where = `attachments[${index}]`
  if (!isJson(value)) throw new Misfit(`${where} must be an object`)
  const { kind = 'file', data, url } = value
  if (!isKind(kind)) throw new Misfit(`${where}.kind must be image, audio, video or file`)
  const isInline = typeof data === 'string'
  if (isInline === (typeof url === 'string')) throw new Misfit(`${where} needs data (base64) or url, and not both`)
  const bytes = isInline ? Buffer.from(data, 'base64') : undefined
  const mimeType = textAt(value, 'mimeType', 100, `${where}.mimeType`)
  return {
    kind,
    name: textAt(value, 'name', longestName, `${where}.name`) ?? kind,
    ...(mimeType === undefined ? {} : { mimeType }),
    ...(bytes ? { sizeBytes: bytes.length } : {}),
    async fetch (limitBytes, signal) {
      if (!bytes) return await fetch(String(url), limitBytes, signal)
      if (bytes.length > limitBytes) throw new Error(`the attachment has ${bytes.length} bytes, and ${limitBytes} are allowed`)
      return bytes
    }
  }
}

function attachmentsOf ({ attachments = [] }: Json, fetch: Fetch): Attachment[] {
  if (!Array.isArray(attachments) || attachments.length > mostAttachments) throw new Misfit(`attachments must be a list of ${mostAttachments} at most`)
  return attachments.map((value, index) => attachmentOf(value, fetch, index))
}

const flagAt = (from: Json, key: string): boolean => {
  if (from[key] !== undefined && typeof from[key] !== 'boolean') throw new Misfit(`${key} must be true or false`)
  return from[key] === true
}

function chatOf (body: Json, senderId: string): InboundMessage['chat'] {
  const chat = objectAt(body, 'chat')
  const { kind = 'direct' } = chat
  if (kind !== 'direct' && kind !== 'group') throw new Misfit('chat.kind must be direct or group')
  const id = idAt(chat, 'id', 'chat.id') ?? (kind === 'direct' ? senderId : undefined)
  if (id === undefined) throw new Misfit('chat.id is needed for groups')
  const title = textAt(chat, 'title', longestName, 'chat.title')
  const threadId = idAt(body, 'thread')
  return { kind, id, ...(title === undefined ? {} : { title }), ...(threadId === undefined ? {} : { threadId }) }
}

/** Throws a Misfit. */
export function readBody (body: Json, accountId: string, nowMs: number, fetch: Fetch): InboundMessage {
  const id = idAt(body, 'id')
  if (id === undefined) throw new Misfit('id is needed: the same for every try of a message, and another one for every message')
  // What was signed for one account is none of another's.
  if (body.account !== undefined && body.account !== accountId) throw new Misfit(`account must be "${accountId}" here, or be left out`)
  const sender = objectAt(body, 'sender')
  const senderId = idAt(sender, 'id', 'sender.id')
  if (senderId === undefined) throw new Misfit('sender.id is needed')
  const name = textAt(sender, 'name', longestName, 'sender.name')
  const text = textAt(body, 'text', longestText) ?? ''
  const attachments = attachmentsOf(body, fetch)
  if (text.trim() === '' && attachments.length === 0) throw new Misfit('text or attachments are needed')
  const chat = chatOf(body, senderId)
  const replyTo = idAt(body, 'replyTo')
  const isEdit = flagAt(body, 'edited')
  const { at = nowMs } = body
  if (typeof at !== 'number' || !Number.isFinite(at)) throw new Misfit('at must be a number of milliseconds')
  const isMention = flagAt(body, 'mention')
  return {
    eventId: id,
    messageId: idAt(body, 'messageId') ?? id,
    chat,
    sender: { id: senderId, ...(name === undefined ? {} : { name }), ...(flagAt(sender, 'isBot') ? { isBot: true } : {}) },
    text,
    atMs: Math.min(at, nowMs),
    ...(chat.kind === 'direct' ? {} : { isMention }),
    ...(replyTo === undefined ? {} : { replyTo: { messageId: replyTo } }),
    ...(attachments.length > 0 ? { attachments } : {}),
    ...(isEdit ? { isEdit: true } : {})
  }
}
