/** What goes out: messages, files, reactions and signs. */
import { createRecent } from '../../../lib/recent.ts'
import type { OutboundMedia, OutboundMessage, RunningAccount, SendOutcome } from '../../define-channel.ts'
import { toFewMarks, type Marks } from '../../few-marks.ts'
import { createFileThenText } from '../../file-then-text.ts'
import { NoAnswer } from '../../http/request.ts'
import { isJson, outcomeOfError, ServiceRefusal, type Json } from '../../http/service.ts'
import { refused } from '../../outcome.ts'
import type { Api } from './api.ts'
import { kindOf, limitOf, nameOf } from './media.ts'

export const textLimit = 4096
const captionLimit = 1024
const rememberedChats = 2000
const marks: Marks = { bold: '*', italic: '_', strike: '~', code: '`', fence: '```' }

export interface OutboundOptions {
  readonly api: Api
  readonly phoneNumberId: string
  readonly linkPreview: boolean
  readonly sendReadReceipts: boolean
  readonly unauthorized: (refusal: ServiceRefusal) => void
}

export interface Outbound extends Required<Pick<RunningAccount, 'send' | 'react' | 'typing'>> {
  /** Somebody wrote: what says that it was read, and that an answer is on its way, refers to it. */
  heard (chatId: string, messageId: string): void
}

const isPerson = (id: string): boolean => /^\+?\d{5,20}$/.test(id)
const isChat = (id: string): boolean => isPerson(id) || /^[\w.@=-]{5,128}$/.test(id)
const isMessage = (id: string): boolean => /^[\w.=+/:-]{1,256}$/.test(id)

/** What the service would refuse is not sent at all. */
function problemOf ({ chatId, threadId, replyTo, text, media }: OutboundMessage): string | undefined {
  if (!isChat(chatId)) return 'WhatsApp is written to by phone number with country code, such as 4915112345678, or by the id of a group'
  if (threadId !== undefined) return 'WhatsApp has no threads'
  if (replyTo !== undefined && !isMessage(replyTo)) return 'a message of WhatsApp is named by its wamid'
  if (text.length > textLimit) return `the text has ${text.length} characters, and WhatsApp takes ${textLimit}`
  if (!media) return text.trim() === '' ? 'there is nothing to send' : undefined
  if (media.data.length === 0) return 'the file is empty'
  const most = limitOf(media)
  return media.data.length > most ? `the file has ${media.data.length} bytes, and WhatsApp takes ${most}` : undefined
}

class WhatsappOutbound implements Outbound {
  readonly #options: OutboundOptions
  readonly #lastHeard = createRecent<{ readonly messageId: string, isRead: boolean }>(rememberedChats)
  readonly #fileThenText = createFileThenText()

  constructor (options: OutboundOptions) {
    this.#options = options
  }

  heard (chatId: string, messageId: string): void {
    this.#lastHeard.set(chatId, { messageId, isRead: false })
  }

  async #post (body: Json, signal: AbortSignal): Promise<Json> {
    const { api, phoneNumberId } = this.#options
    return await api.call('POST', `${phoneNumberId}/messages`, { signal, json: { messaging_product: 'whatsapp', ...body } })
  }

  /** Every call ends here: an outcome, never an error. */
  async #outcome (work: () => Promise<Json>): Promise<SendOutcome> {
    try {
      const { messages } = await work()
      const id = Array.isArray(messages) && isJson(messages[0]) ? messages[0].id : undefined
      return typeof id === 'string' ? { kind: 'sent', messageId: id } : { kind: 'unknown', reason: 'WhatsApp accepted the message and told no id of it' }
    } catch (error) {
      if (error instanceof ServiceRefusal && error.isUnauthorized) this.#options.unauthorized(error)
      return outcomeOfError(error)
    }
  }

  async #message (to: string, body: Json, replyTo: string | undefined, signal: AbortSignal): Promise<SendOutcome> {
    const place = { recipient_type: isPerson(to) ? 'individual' : 'group', to: to.replace(/^\+/, '') }
    const context = replyTo === undefined ? {} : { context: { message_id: replyTo } }
    return await this.#outcome(async () => await this.#post({ ...place, ...context, ...body }, signal))
  }

  /** Nothing has been sent while this fails, so it may be tried again whatever became of it. */
  async #upload (media: OutboundMedia, signal: AbortSignal): Promise<string> {
    const { api, phoneNumberId } = this.#options
    try {
      const { id } = await api.call('POST', `${phoneNumberId}/media`, {
        signal,
        fields: { messaging_product: 'whatsapp', type: media.mimeType },
        upload: { field: 'file', name: nameOf(media), mimeType: media.mimeType, data: media.data }
      })
      if (typeof id === 'string') return id
      throw new NoAnswer('WhatsApp took the file and told no id of it', false)
    } catch (error) {
      throw error instanceof NoAnswer ? new NoAnswer(error.message, false) : error
    }
  }

  async send (message: OutboundMessage, signal: AbortSignal): Promise<SendOutcome> {
    const problem = problemOf(message)
    if (problem !== undefined) return refused(problem)
    this.#markRead(message.chatId, signal)
    const { key, media, text, template } = message
    if (template) return await this.#sendTemplate(message, template, signal)
    if (!media) return await this.#sendText(message, signal)
    const caption = this.#written(text)
    const hasRoom = kindOf(media) !== 'audio' && caption.length <= captionLimit
    if (hasRoom || text.trim() === '') return await this.#sendFile(message, media, hasRoom ? caption : '', signal)
    return await this.#fileThenText(key,
      async () => await this.#sendFile(message, media, '', signal),
      async () => await this.#sendText(message, signal))
  }

  /** Marked up, and as it was written where the marks would make it too long. */
  #written (text: string): string {
    const whole = text.toWellFormed()
    const marked = toFewMarks(whole, marks)
    return marked.length > textLimit || marked.trim() === '' ? whole : marked
  }

  async #sendText ({ chatId, text, replyTo }: OutboundMessage, signal: AbortSignal): Promise<SendOutcome> {
    const body = { type: 'text', text: { body: this.#written(text), preview_url: this.#options.linkPreview } }
    return await this.#message(chatId, body, replyTo, signal)
  }

  async #sendTemplate (message: OutboundMessage, asked: NonNullable<OutboundMessage['template']>, signal: AbortSignal): Promise<SendOutcome> {
    const { name, language, components } = asked
    const template = { name, language: { code: language }, ...(components ? { components } : {}) }
    return await this.#message(message.chatId, { type: 'template', template }, message.replyTo, signal)
  }

  async #sendFile ({ chatId, replyTo }: OutboundMessage, media: OutboundMedia, caption: string, signal: AbortSignal): Promise<SendOutcome> {
    const type = kindOf(media)
    let id: string
    try {
      id = await this.#upload(media, signal)
    } catch (error) {
      return await this.#outcome(async () => { throw error })
    }
    const shown = { id, ...(caption.trim() === '' ? {} : { caption }), ...(type === 'document' ? { filename: nameOf(media) } : {}) }
    return await this.#message(chatId, { type, [type]: shown }, replyTo, signal)
  }

  /** An empty one takes it back. */
  async react (chatId: string, messageId: string, emoji: string, signal: AbortSignal): Promise<SendOutcome> {
    if (!isChat(chatId) || !isMessage(messageId)) return refused('WhatsApp knows people by phone number, and messages by their wamid')
    return await this.#message(chatId, { type: 'reaction', reaction: { message_id: messageId, emoji } }, undefined, signal)
  }

  /** A sign that nobody misses: it is not tried again. WhatsApp shows the message as read with it, which somebody may not want. */
  async typing (chatId: string, _threadId: string | undefined, signal: AbortSignal): Promise<void> {
    const last = this.#lastHeard.get(chatId)
    if (!last || !this.#options.sendReadReceipts) return
    last.isRead = true
    await this.#outcome(async () => await this.#post({ status: 'read', message_id: last.messageId, typing_indicator: { type: 'text' } }, signal))
  }

  /** Whoever is answered has been read; what is left unanswered shows nothing to strangers. */
  #markRead (chatId: string, signal: AbortSignal): void {
    const last = this.#lastHeard.get(chatId)
    if (!last || last.isRead || !this.#options.sendReadReceipts) return
    last.isRead = true
    this.#post({ status: 'read', message_id: last.messageId }, signal).catch(() => {})
  }
}

export const createOutbound = (options: OutboundOptions): Outbound => new WhatsappOutbound(options)
