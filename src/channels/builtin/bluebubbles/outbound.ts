/** What goes out: messages, files, tapbacks and signs. */
import { createRecent } from '../../../lib/recent.ts'
import type { OutboundMedia, OutboundMessage, RunningAccount, SendOutcome } from '../../define-channel.ts'
import { noMarks, toFewMarks } from '../../few-marks.ts'
import { createFileThenText } from '../../file-then-text.ts'
import { outcomeOfError, ServiceRefusal, type Json } from '../../http/service.ts'
import { refused } from '../../outcome.ts'
import type { Api } from './api.ts'
import { tapbackOf } from './tapbacks.ts'
import type { WireMessage } from './wire.ts'

export const mediaLimitBytes = 100 * 1024 * 1024
const textLimit = 20_000
const rememberedReactions = 500
/** Clocks of two machines differ. */
const clockSlackMs = 120_000

export interface OutboundOptions {
  readonly api: Api
  readonly sendReadReceipts: boolean
  /** Replies, tapbacks and signs need BlueBubbles' helper inside of Messages. */
  readonly hasPrivateApi: () => boolean
  readonly unauthorized: (refusal: ServiceRefusal) => void
  readonly sent: (guid: string) => void
  readonly isOurs: (guid: string) => boolean
  readonly now: () => number
}

export type Outbound = Required<Pick<RunningAccount, 'send' | 'remove' | 'react' | 'typing'>>

const needsHelper = refused('this needs BlueBubbles\' Private API; set it up on the Mac (Settings, Private API)')
const isGuid = (id: string): boolean => /^[\w:/.-]{1,128}$/.test(id)
const extensions: { readonly [kind in OutboundMedia['kind']]: string } = { image: 'png', audio: 'm4a', video: 'mp4', file: 'bin' }

/** A person may be named by number or address alone. */
export function chatGuidOf (chatId: string): string | undefined {
  const id = chatId.replace(/^chat_guid:/i, '')
  if (/^[\w.]{1,20};[-+];[^\s;/?#]{1,200}$/.test(id)) return id
  return /^(?:\+?\d{5,20}|[^\s;/?#@]{1,100}@[^\s;/?#@]{1,100})$/.test(id) ? `iMessage;-;${id}` : undefined
}

function problemOf ({ chatId, threadId, replyTo, text, media }: OutboundMessage): string | undefined {
  if (chatGuidOf(chatId) === undefined) return 'a chat of iMessage is a guid such as iMessage;-;+15551234567, a phone number or an e-mail address'
  if (threadId !== undefined) return 'iMessage has no threads'
  if (replyTo !== undefined && !isGuid(replyTo)) return 'a message of iMessage is named by its guid'
  if (text.length > textLimit) return `the text has ${text.length} characters, and ${textLimit} are sent at most`
  if (!media) return text.trim() === '' ? 'there is nothing to send' : undefined
  if (media.data.length === 0) return 'the file is empty'
  return media.data.length > mediaLimitBytes ? `the file has ${media.data.length} bytes, and ${mediaLimitBytes} are sent at most` : undefined
}

class BluebubblesOutbound implements Outbound {
  readonly #options: OutboundOptions
  readonly #fileThenText = createFileThenText()
  readonly #reactions = createRecent<string>(rememberedReactions)

  constructor (options: OutboundOptions) {
    this.#options = options
  }

  /** Every call ends here: an outcome, never an error. */
  async #outcome (work: () => Promise<WireMessage | undefined>, about?: string): Promise<SendOutcome> {
    try {
      const messageId = (await work())?.guid ?? about
      if (typeof messageId !== 'string') return { kind: 'unknown', reason: 'BlueBubbles accepted the message and told no id of it' }
      this.#options.sent(messageId)
      return { kind: 'sent', messageId }
    } catch (error) {
      if (error instanceof ServiceRefusal && error.isUnauthorized) this.#options.unauthorized(error)
      return outcomeOfError(error)
    }
  }

  #placeOf ({ chatId, key, replyTo }: OutboundMessage, part: string): Json {
    const helper = this.#options.hasPrivateApi()
    return {
      chatGuid: chatGuidOf(chatId)!,
      tempGuid: `temp-${key}-${part}`,
      method: helper ? 'private-api' : 'apple-script',
      // Without the helper it is sent as a message of its own, which is worth more than nothing.
      ...(helper && replyTo !== undefined ? { selectedMessageGuid: replyTo, partIndex: 0 } : {})
    }
  }

  async send (message: OutboundMessage, signal: AbortSignal): Promise<SendOutcome> {
    const problem = problemOf(message)
    if (problem !== undefined) return refused(problem)
    const { key, text, media } = message
    if (!media) return await this.#sendText(message, signal)
    if (text.trim() === '') return await this.#sendFile(message, media, signal)
    return await this.#fileThenText(key,
      async () => await this.#sendFile(message, media, signal),
      async () => await this.#sendText({ ...message, text }, signal))
  }

  async #sendText (message: OutboundMessage, signal: AbortSignal): Promise<SendOutcome> {
    const whole = message.text.toWellFormed()
    // What is nothing but markup is sent as it was written.
    const text = toFewMarks(whole, noMarks).trim() || whole
    const beganAtMs = this.#options.now()
    const json: Json = { ...this.#placeOf(message, 'text'), message: text }
    const outcome = await this.#outcome(async () => await this.#options.api.call<WireMessage>('POST', 'message/text', { json, signal }))
    if (outcome.kind !== 'unknown') return outcome
    const found = await this.#find(String(json.chatGuid), text, beganAtMs).catch(() => undefined)
    if (found === undefined) return outcome
    this.#options.sent(found)
    return { kind: 'sent', messageId: found }
  }

  /** The Mac knows what it sent, also where its answer was lost. */
  async #find (chatGuid: string, text: string, sinceMs: number): Promise<string | undefined> {
    const json = { chatGuid, after: sinceMs - clockSlackMs, limit: 25, sort: 'DESC', with: ['attributedBody'] }
    const signal = AbortSignal.timeout(10_000)
    const messages = await this.#options.api.call<readonly WireMessage[]>('POST', 'message/query', { json, signal })
    const isIt = ({ guid, isFromMe, text: said, error }: WireMessage): boolean =>
      isFromMe === true && said === text && !error && !this.#options.isOurs(guid)
    return messages.find(isIt)?.guid
  }

  async #sendFile (message: OutboundMessage, media: OutboundMedia, signal: AbortSignal): Promise<SendOutcome> {
    const { kind, data, mimeType, name = `${kind}.${extensions[kind]}` } = media
    const fields = { ...this.#placeOf(message, 'file'), name }
    const upload = { field: 'attachment', name, mimeType, data }
    return await this.#outcome(async () => await this.#options.api.call<WireMessage>('POST', 'message/attachment', { fields, upload, signal }))
  }

  async remove (_chatId: string, messageId: string, signal: AbortSignal): Promise<SendOutcome> {
    if (!isGuid(messageId)) return refused('a message of iMessage is named by its guid')
    if (!this.#options.hasPrivateApi()) return needsHelper
    const path = `message/${encodeURIComponent(messageId)}/unsend`
    return await this.#outcome(async () => await this.#options.api.call('POST', path, { json: { partIndex: 0 }, signal }), messageId)
  }

  /** An empty one takes back the last one that was given. */
  async react (chatId: string, messageId: string, emoji: string, signal: AbortSignal): Promise<SendOutcome> {
    const chatGuid = chatGuidOf(chatId)
    if (chatGuid === undefined || !isGuid(messageId)) return refused('iMessage knows chats and messages by their guids')
    if (!this.#options.hasPrivateApi()) return needsHelper
    const given = this.#reactions.get(messageId)
    const reaction = emoji === '' ? given && `-${given}` : tapbackOf(emoji)
    if (reaction === undefined) return refused(emoji === '' ? 'no tapback was given there' : 'iMessage has six tapbacks: ❤️ 👍 👎 😂 ‼️ ❓')
    const json = { chatGuid, selectedMessageGuid: messageId, reaction, partIndex: 0 }
    const outcome = await this.#outcome(async () => await this.#options.api.call('POST', 'message/react', { json, signal }), messageId)
    if (outcome.kind === 'sent' && emoji !== '') this.#reactions.set(messageId, reaction)
    return outcome
  }

  /** A sign that nobody misses: it is not tried again. */
  async typing (chatId: string, _threadId: string | undefined, signal: AbortSignal): Promise<void> {
    const guid = chatGuidOf(chatId)
    if (guid === undefined || !this.#options.hasPrivateApi()) return
    const path = `chat/${encodeURIComponent(guid)}`
    const signs = this.#options.sendReadReceipts ? ['read', 'typing'] : ['typing']
    for (const sign of signs) await this.#options.api.call('POST', `${path}/${sign}`, { json: {}, signal }).catch(() => {})
  }
}

export function createOutbound (options: OutboundOptions): Outbound {
  const outbound = new BluebubblesOutbound(options)
  return {
    send: async (message, signal) => await outbound.send(message, signal),
    remove: async (...call) => await outbound.remove(...call),
    react: async (...call) => await outbound.react(...call),
    typing: async (...call) => await outbound.typing(...call)
  }
}
