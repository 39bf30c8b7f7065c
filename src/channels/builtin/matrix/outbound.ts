/** What goes out: messages, files, changes of what was sent, and signs. A transaction id makes every try of a message the same one. */
import { createHash } from 'node:crypto'
import { createRecent } from '../../../lib/recent.ts'
import type { OutboundMedia, OutboundMessage, RunningAccount, SendOutcome } from '../../define-channel.ts'
import { NoAnswer } from '../../http/request.ts'
import { outcomeOfError, ServiceRefusal, type Json } from '../../http/service.ts'
import { refused } from '../../outcome.ts'
import { toTelegramHtml } from '../telegram/markup.ts'
import type { Api } from './api.ts'
import type { Rooms } from './rooms.ts'
import { isEventId } from './wire.ts'

export const mediaLimitBytes = 50 * 1024 * 1024
/** An event has 65,536 bytes at most, and the text stands in it twice. */
const textLimit = 16_000
const remembered = 2000
const typingMs = 25_000

export interface OutboundOptions {
  readonly api: Api
  readonly rooms: Rooms
  readonly selfId: () => string
  readonly sendReadReceipts: boolean
  readonly unauthorized: (refusal: ServiceRefusal) => void
}

export interface Outbound extends Required<Pick<RunningAccount, 'send' | 'edit' | 'remove' | 'react' | 'typing'>> {
  isOurs (eventId: string): boolean
  heard (roomId: string, eventId: string): void
  /** Says that nothing can be read there. */
  tellEncrypted (roomId: string, signal: AbortSignal): Promise<unknown>
}

const encryptedNotice = 'This room is encrypted, and this gateway cannot read or write encrypted messages. Please use a room without encryption.'
const txnOf = (...parts: string[]): string => `oc${createHash('sha256').update(JSON.stringify(parts)).digest('base64url')}`
const mentioned = /@[\w.=/+-]{1,200}:[\w.-]{1,200}(?::\d{1,5})?/g

/** Markup, and whom it speaks of: without the latter nobody is notified. */
function textContent (markdown: string): Json {
  const text = markdown.toWellFormed()
  const html = toTelegramHtml(text).replace(/<(\/?)tg-spoiler>/g, (_all, slash: string) => slash ? '</span>' : '<span data-mx-spoiler>')
  const people = [...new Set(text.match(mentioned) ?? [])].slice(0, 50)
  // Lines of code keep their ends, those of text need a mark.
  const lines = html.split(/(<pre>[\s\S]*?<\/pre>)/).map((part, index) => index % 2 === 1 ? part : part.replaceAll('\n', '<br>')).join('')
  const isPlain = lines === text
  return {
    body: text, ...(isPlain ? {} : { format: 'org.matrix.custom.html', formatted_body: lines }), 'm.mentions': people.length > 0 ? { user_ids: people } : {}
  }
}

function relationFor ({ threadId, replyTo }: OutboundMessage): Json {
  const answered = replyTo === undefined ? {} : { 'm.in_reply_to': { event_id: replyTo } }
  if (threadId === undefined) return replyTo === undefined ? {} : { 'm.relates_to': answered }
  const fallback = replyTo === undefined ? { is_falling_back: true, 'm.in_reply_to': { event_id: threadId } } : { is_falling_back: false, ...answered }
  return { 'm.relates_to': { rel_type: 'm.thread', event_id: threadId, ...fallback } }
}

function problemOf ({ threadId, replyTo, text, media }: OutboundMessage): string | undefined {
  if (threadId !== undefined && !isEventId(threadId)) return 'a thread of Matrix is named by the id of its first event, which begins with $'
  if (replyTo !== undefined && !isEventId(replyTo)) return 'a message of Matrix is named by its event id, which begins with $'
  if (text.length > textLimit) return `the text has ${text.length} characters, and ${textLimit} are sent at most`
  if (!media) return text.trim() === '' ? 'there is nothing to send' : undefined
  if (media.data.length === 0) return 'the file is empty'
  return media.data.length > mediaLimitBytes ? `the file has ${media.data.length} bytes, and ${mediaLimitBytes} are sent at most` : undefined
}

class MatrixOutbound implements Outbound {
  readonly #options: OutboundOptions
  readonly #sent = createRecent<true>(remembered)
  readonly #lastHeard = createRecent<string>(remembered)
  readonly #uploads = createRecent<string>(200)
  readonly #reactions = createRecent<string>(remembered)

  constructor (options: OutboundOptions) {
    this.#options = options
  }

  readonly isOurs = (eventId: string): boolean => this.#sent.get(eventId) === true
  readonly heard = (roomId: string, eventId: string): void => { this.#lastHeard.set(roomId, eventId) }

  /** Every call ends here: an outcome, never an error. Nothing stays unknown: the next try has the same transaction id. */
  async #outcome (work: () => Promise<Json>): Promise<SendOutcome> {
    try {
      const { event_id: id } = await work()
      if (typeof id !== 'string') return { kind: 'unknown', reason: 'Matrix accepted the message and told no id of it' }
      this.#sent.set(id, true)
      return { kind: 'sent', messageId: id }
    } catch (error) {
      if (error instanceof ServiceRefusal && error.isUnauthorized) this.#options.unauthorized(error)
      const outcome = outcomeOfError(error)
      const isHere = error instanceof NoAnswer || error instanceof ServiceRefusal
      return outcome.kind === 'unknown' && isHere ? { ...outcome, kind: 'later' } : outcome
    }
  }

  async #put (roomId: string, type: string, txn: string, json: Json, signal: AbortSignal): Promise<Json> {
    return await this.#options.api.call('PUT', `rooms/${encodeURIComponent(roomId)}/send/${type}/${txn}`, { json, signal })
  }

  async #inRoom (chatId: string, signal: AbortSignal, work: (roomId: string) => Promise<Json>): Promise<SendOutcome> {
    return await this.#outcome(async () => {
      const { rooms } = this.#options
      const roomId = await rooms.find(chatId, signal)
      if (roomId === undefined) throw new Error('a room of Matrix is !id, an #alias that exists, or an @person who has a direct room with the bot: let them write first')
      if (await rooms.isEncrypted(roomId, signal)) throw new Error('the room is encrypted, and this gateway cannot encrypt; use a room without encryption')
      return await work(roomId)
    })
  }

  async send (message: OutboundMessage, signal: AbortSignal): Promise<SendOutcome> {
    const problem = problemOf(message)
    if (problem !== undefined) return refused(problem)
    const { chatId, key, media, text } = message
    return await this.#inRoom(chatId, signal, async roomId => {
      const shown = media ? await this.#fileContent(key, media, text, signal) : { msgtype: 'm.text', ...textContent(text) }
      this.#markRead(roomId, signal)
      return await this.#put(roomId, 'm.room.message', txnOf(key), { ...shown, ...relationFor(message) }, signal)
    })
  }

  async #fileContent (key: string, media: OutboundMedia, text: string, signal: AbortSignal): Promise<Json> {
    const { kind, mimeType, data, name = kind } = media
    const url = this.#uploads.get(key) ?? await this.#options.api.upload(data, mimeType, name, signal)
    this.#uploads.set(key, url)
    const caption = text.trim() === '' ? { body: name } : { filename: name, ...textContent(text) }
    return { msgtype: `m.${kind}`, url, info: { mimetype: mimeType, size: data.length }, ...caption }
  }

  async edit (message: OutboundMessage & { readonly messageId: string }, signal: AbortSignal): Promise<SendOutcome> {
    const { chatId, key, messageId, text } = message
    const problem = problemOf(message) ?? (isEventId(messageId) ? undefined : 'a message of Matrix is named by its event id, which begins with $')
    if (problem !== undefined) return refused(problem)
    const content = { msgtype: 'm.text', ...textContent(text) }
    const outcome = await this.#inRoom(chatId, signal, async roomId => await this.#put(roomId, 'm.room.message', txnOf(key, messageId, text), {
      ...content, body: `* ${text}`, 'm.new_content': content, 'm.relates_to': { rel_type: 'm.replace', event_id: messageId }
    }, signal))
    return outcome.kind === 'sent' ? { kind: 'sent', messageId } : outcome
  }

  async #redact (roomId: string, eventId: string, signal: AbortSignal): Promise<Json> {
    const path = `rooms/${encodeURIComponent(roomId)}/redact/${encodeURIComponent(eventId)}/${txnOf('redact', eventId)}`
    return await this.#options.api.call('PUT', path, { json: {}, signal })
  }

  async remove (chatId: string, messageId: string, signal: AbortSignal): Promise<SendOutcome> {
    if (!isEventId(messageId)) return refused('a message of Matrix is named by its event id, which begins with $')
    const outcome = await this.#inRoom(chatId, signal, async roomId => await this.#redact(roomId, messageId, signal))
    return outcome.kind === 'sent' ? { kind: 'sent', messageId } : outcome
  }

  /** An empty one takes back the last one that was given. */
  async react (chatId: string, messageId: string, emoji: string, signal: AbortSignal): Promise<SendOutcome> {
    if (!isEventId(messageId)) return refused('a message of Matrix is named by its event id, which begins with $')
    const given = this.#reactions.get(messageId)
    if (emoji === '' && given === undefined) return refused('no reaction was given there')
    const outcome = await this.#inRoom(chatId, signal, async roomId => emoji === ''
      ? await this.#redact(roomId, given!, signal)
      : await this.#put(roomId, 'm.reaction', txnOf('react', messageId, emoji, given ?? ''), {
        'm.relates_to': { rel_type: 'm.annotation', event_id: messageId, key: emoji.slice(0, 100) }
      }, signal))
    if (outcome.kind !== 'sent') return outcome
    if (emoji === '') this.#reactions.delete(messageId)
    else this.#reactions.set(messageId, outcome.messageId)
    return { kind: 'sent', messageId }
  }

  /** A sign that nobody misses: it is not tried again. */
  async typing (chatId: string, _threadId: string | undefined, signal: AbortSignal): Promise<void> {
    const { api, rooms, selfId } = this.#options
    const roomId = await rooms.find(chatId, signal).catch(() => undefined)
    if (roomId === undefined) return
    this.#markRead(roomId, signal)
    const path = `rooms/${encodeURIComponent(roomId)}/typing/${encodeURIComponent(selfId())}`
    await api.call('PUT', path, { json: { typing: true, timeout: typingMs }, signal }).catch(() => {})
  }

  /** Whoever is answered has been read; what is left unanswered shows nothing to strangers. */
  #markRead (roomId: string, signal: AbortSignal): void {
    const last = this.#lastHeard.get(roomId)
    if (last === undefined || !this.#options.sendReadReceipts) return
    this.#lastHeard.delete(roomId)
    const path = `rooms/${encodeURIComponent(roomId)}/receipt/m.read/${encodeURIComponent(last)}`
    this.#options.api.call('POST', path, { json: {}, signal }).catch(() => {})
  }

  async tellEncrypted (roomId: string, signal: AbortSignal): Promise<unknown> {
    return await this.#put(roomId, 'm.room.message', txnOf('encrypted', roomId), { msgtype: 'm.notice', body: encryptedNotice, 'm.mentions': {} }, signal)
  }
}

export const createMatrixOutbound = (options: OutboundOptions): Outbound => new MatrixOutbound(options)
