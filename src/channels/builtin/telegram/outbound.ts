/** What goes out: messages, files, changes of what was sent, and signs. */
import type { OutboundMessage, OutboundPoll, RunningAccount, SendOutcome } from '../../define-channel.ts'
import { createFileThenText } from '../../file-then-text.ts'
import { refused } from '../../outcome.ts'
import { Refusal, type Api, type Params } from './api.ts'
import { toTelegramHtml } from './markup.ts'
import { asDocument, isWrongKind, mediaCall, type MediaCall } from './media.ts'
import { outcomeOf } from './outcome.ts'
import { generalTopicId } from './wire.ts'

export const textLimit = 4096
export const captionLimit = 1024
export const mediaLimitBytes = 50 * 1024 * 1024

export interface OutboundOptions {
  readonly api: Api
  readonly linkPreview: boolean
  /** Telegram does not know the token any more. */
  readonly unauthorized: (refusal: Refusal) => void
}

export type Outbound = Required<Pick<RunningAccount, 'send' | 'edit' | 'remove' | 'react' | 'poll' | 'typing'>>

/** Numbers, and the names of public groups and channels. */
const isChatId = (id: string): boolean => /^(?:-?\d{1,20}|@\w{1,64})$/.test(id)
const isMessageId = (id: string): boolean => /^\d{1,15}$/.test(id)

/** What could not be said in any other way fails for the same reason again. */
const isMarkupTrouble = ({ status, description }: Refusal): boolean =>
  status === 400 && /can't parse entities|message is too long|caption is too long|text must be non-empty|message text is empty/i.test(description)

class TelegramOutbound {
  readonly #options: OutboundOptions
  readonly #fileThenText = createFileThenText()

  constructor (options: OutboundOptions) {
    this.#options = options
  }

  /** Every call ends here: an outcome, never an error. */
  async #outcome (work: () => Promise<unknown>): Promise<SendOutcome> {
    try {
      const result = await work() as { readonly message_id?: unknown } | undefined
      return typeof result?.message_id === 'number'
        ? { kind: 'sent', messageId: String(result.message_id) }
        : { kind: 'unknown', reason: 'Telegram accepted the message and told no id of it' }
    } catch (error) {
      if (error instanceof Refusal && error.status === 401 && error.isOfService) this.#options.unauthorized(error)
      return outcomeOf(error)
    }
  }

  async #call (method: string, params: Params, signal: AbortSignal, media?: MediaCall): Promise<unknown> {
    const call = async (chatId: unknown): Promise<unknown> => await this.#options.api.call(method, { ...params, chat_id: chatId }, {
      // A large file over a slow line takes its time.
      signal, ...(media ? { upload: media.upload, extraMs: 60_000 + media.upload.data.length / 50 } : {})
    })
    try {
      return await call(params.chat_id)
    } catch (error) {
      if (error instanceof Refusal && error.migratedTo !== undefined) return await call(error.migratedTo)
      throw error
    }
  }

  /** Marked up, and as it was written when the service cannot make sense of that. */
  async #marked (text: string, field: 'text' | 'caption', send: (fields: Params) => Promise<unknown>): Promise<unknown> {
    const whole = text.toWellFormed()
    try {
      return await send({ [field]: toTelegramHtml(whole), parse_mode: 'HTML' })
    } catch (error) {
      if (!(error instanceof Refusal) || !isMarkupTrouble(error)) throw error
      return await send({ [field]: whole })
    }
  }

  #placeOf ({ chatId, threadId, replyTo, isSilent }: Place): Params {
    return {
      chat_id: chatId,
      ...(threadId === undefined || threadId === generalTopicId ? {} : { message_thread_id: Number(threadId) }),
      // What is answered may have been removed meanwhile; the answer is worth sending all the same.
      ...(replyTo === undefined ? {} : { reply_parameters: { message_id: Number(replyTo), allow_sending_without_reply: true } }),
      ...(isSilent ? { disable_notification: true } : {})
    }
  }

  #preview (): Params {
    return this.#options.linkPreview ? {} : { link_preview_options: { is_disabled: true } }
  }

  async send (message: OutboundMessage, signal: AbortSignal): Promise<SendOutcome> {
    const { text, media } = message
    const problem = problemOf(message)
    if (problem !== undefined) return refused(problem)
    if (!media) return await this.#sendText(message, signal)
    if (text.length <= captionLimit) return await this.#sendFile(message, text, signal)
    return await this.#fileThenText(message.key,
      async () => await this.#sendFile(message, '', signal),
      async () => await this.#sendText(message, signal))
  }

  async #sendText (message: OutboundMessage, signal: AbortSignal): Promise<SendOutcome> {
    const place = this.#placeOf(message)
    return await this.#outcome(async () => await this.#marked(message.text, 'text', async fields =>
      await this.#call('sendMessage', { ...place, ...this.#preview(), ...fields }, signal)))
  }

  async #sendFile (message: OutboundMessage, caption: string, signal: AbortSignal): Promise<SendOutcome> {
    const place = this.#placeOf(message)
    const media = mediaCall(message.media!)
    const send = async (as: MediaCall): Promise<unknown> => caption === ''
      ? await this.#call(as.method, place, signal, as)
      : await this.#marked(caption, 'caption', async fields => await this.#call(as.method, { ...place, ...fields }, signal, as))
    return await this.#outcome(async () => {
      try {
        return await send(media)
      } catch (error) {
        const isOther = error instanceof Refusal && error.status === 400 && isWrongKind(error.description)
        if (!isOther || media.method === 'sendDocument') throw error
        return await send(asDocument(media))
      }
    })
  }

  async edit (message: OutboundMessage & { readonly messageId: string }, signal: AbortSignal): Promise<SendOutcome> {
    const { chatId, messageId, text } = message
    const problem = problemOf({ ...message, replyTo: messageId })
    if (problem !== undefined) return refused(problem)
    const place = { chat_id: chatId, message_id: Number(messageId) }
    const change = async (method: string, field: 'text' | 'caption', more: Params): Promise<unknown> =>
      await this.#marked(text, field, async fields => await this.#call(method, { ...place, ...more, ...fields }, signal))
    return await this.#outcome(async () => {
      try {
        return await change('editMessageText', 'text', this.#preview())
      } catch (error) {
        if (isUnchanged(error)) return { message_id: Number(messageId) }
        // Files have a caption in its place.
        if (!(error instanceof Refusal && /there is no text in the message/i.test(error.description))) throw error
      }
      return await change('editMessageCaption', 'caption', {}).catch(error => {
        if (isUnchanged(error)) return { message_id: Number(messageId) }
        throw error
      })
    })
  }

  /** Calls that answer `true` are about a message whose id is known. */
  async #about (method: string, chatId: string, messageId: string, more: Params, signal: AbortSignal): Promise<SendOutcome> {
    if (!isChatId(chatId) || !isMessageId(messageId)) return refused('Telegram knows chats and messages by numbers')
    return await this.#outcome(async () => {
      await this.#call(method, { chat_id: chatId, message_id: Number(messageId), ...more }, signal)
      return { message_id: Number(messageId) }
    })
  }

  async remove (chatId: string, messageId: string, signal: AbortSignal): Promise<SendOutcome> {
    return await this.#about('deleteMessage', chatId, messageId, {}, signal)
  }

  /** An empty one takes it back. */
  async react (chatId: string, messageId: string, emoji: string, signal: AbortSignal): Promise<SendOutcome> {
    const reaction = emoji === '' ? [] : [{ type: 'emoji', emoji }]
    return await this.#about('setMessageReaction', chatId, messageId, { reaction }, signal)
  }

  async poll (poll: OutboundPoll, signal: AbortSignal): Promise<SendOutcome> {
    const { question, options, maxSelections = 1, durationSeconds, isAnonymous = true } = poll
    const problem = placeProblem(poll) ?? pollProblem(poll)
    if (problem !== undefined) return refused(problem)
    return await this.#outcome(async () => await this.#call('sendPoll', {
      ...this.#placeOf(poll),
      question,
      options: options.map(text => ({ text })),
      is_anonymous: isAnonymous,
      ...(maxSelections > 1 ? { allows_multiple_answers: true } : {}),
      ...(durationSeconds === undefined ? {} : { open_period: durationSeconds })
    }, signal))
  }

  /** A sign that nobody misses: it is not tried again. */
  async typing (chatId: string, threadId: string | undefined, signal: AbortSignal): Promise<void> {
    if (!isChatId(chatId)) return
    const thread = threadId === undefined ? {} : { message_thread_id: Number(threadId) }
    await this.#outcome(async () => await this.#call('sendChatAction', { chat_id: chatId, action: 'typing', ...thread }, signal))
  }
}

const isUnchanged = (error: unknown): boolean => error instanceof Refusal && /message is not modified/i.test(error.description)

type Place = Pick<OutboundMessage, 'chatId' | 'threadId' | 'replyTo' | 'isSilent'>

/** What the service would refuse is not sent at all. */
function placeProblem ({ chatId, threadId, replyTo }: Place): string | undefined {
  if (!isChatId(chatId)) return 'a chat of Telegram is a number, or the @name of a public group or channel'
  if (threadId !== undefined && !isMessageId(threadId)) return 'a topic of Telegram is a number'
  if (replyTo !== undefined && !isMessageId(replyTo)) return 'a message of Telegram is a number'
  return undefined
}

function pollProblem ({ question, options, durationSeconds }: OutboundPoll): string | undefined {
  if (question.length > 300) return 'a question of Telegram has at most 300 characters'
  if (options.length < 2 || options.length > 12) return 'a poll of Telegram has 2 to 12 answers'
  if (options.some(text => text === '' || text.length > 100)) return 'an answer of a poll of Telegram has 1 to 100 characters'
  const isTooLong = durationSeconds !== undefined && (durationSeconds < 5 || durationSeconds > 604_800)
  return isTooLong ? 'a poll of Telegram is open for 5 to 604800 seconds' : undefined
}

function problemOf (message: OutboundMessage): string | undefined {
  const { text, media } = message
  const problem = placeProblem(message)
  if (problem !== undefined) return problem
  if (text.length > textLimit) return `the text has ${text.length} characters, and Telegram takes ${textLimit}`
  if (!media) return text.trim() === '' ? 'there is nothing to send' : undefined
  if (media.data.length === 0) return 'the file is empty'
  return media.data.length > mediaLimitBytes ? `the file has ${media.data.length} bytes, and bots may send ${mediaLimitBytes}` : undefined
}

export function createOutbound (options: OutboundOptions): Outbound {
  const outbound = new TelegramOutbound(options)
  return {
    send: async (message, signal) => await outbound.send(message, signal),
    edit: async (message, signal) => await outbound.edit(message, signal),
    remove: async (...call) => await outbound.remove(...call),
    react: async (...call) => await outbound.react(...call),
    poll: async (...call) => await outbound.poll(...call),
    typing: async (...call) => await outbound.typing(...call)
  }
}
