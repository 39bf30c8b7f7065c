/** What goes out: messages, files, changes of what was sent, and signs. */
import { createHash } from 'node:crypto'
import { createRecent } from '../../../lib/recent.ts'
import type { OutboundMessage, OutboundPoll, RunningAccount, SendOutcome } from '../../define-channel.ts'
import type { Upload } from '../../http/multipart.ts'
import { later, refused } from '../../outcome.ts'
import { Refusal, type Api, type CallOptions } from './api.ts'
import { targetOf, type Conversations } from './conversations.ts'
import { outcomeOf } from './outcome.ts'
import { isSnowflake, type Message } from './wire.ts'

export const textLimit = 2000
export const mediaLimitBytes = 10 * 1024 * 1024

export interface OutboundOptions {
  readonly api: Api
  readonly conversations: Conversations
  /** Discord does not know the token any more. */
  readonly unauthorized: (refusal: Refusal) => void
}

export type Outbound = Required<Pick<RunningAccount, 'send' | 'edit' | 'remove' | 'react' | 'poll' | 'typing'>>

/** Discord remembers the key of a message for some minutes; later it would send it again. */
export const nonceHoldsMs = 120_000
const mostUncertain = 1000
const silent = 1 << 12
/** People may be called by name; everybody at once, and those of a role, may not. */
const mentions = { parse: ['users'], replied_user: false }

const nonceOf = (key: string): string => createHash('sha256').update(key).digest('base64url').slice(0, 24)

/** What the service would refuse is not sent at all. */
function problemOf ({ chatId, threadId, replyTo, text, media }: OutboundMessage): string | undefined {
  if (!targetOf(chatId)) return 'a chat of Discord is the id of a channel, or user:<id>'
  if (threadId !== undefined && !isSnowflake(threadId)) return 'a thread of Discord is a number'
  if (replyTo !== undefined && !isSnowflake(replyTo)) return 'a message of Discord is a number'
  if (text.length > textLimit) return `the text has ${text.length} characters, and Discord takes ${textLimit}`
  if (!media) return text.trim() === '' ? 'there is nothing to send' : undefined
  if (media.data.length === 0) return 'the file is empty'
  return media.data.length > mediaLimitBytes ? `the file has ${media.data.length} bytes, and bots may send ${mediaLimitBytes}` : undefined
}

type Posted = Pick<OutboundMessage, 'key' | 'chatId' | 'threadId'>

/** Discord sends the same key once. */
const keyed = (key: string): { readonly nonce: string, readonly enforce_nonce: true } => ({ nonce: nonceOf(key), enforce_nonce: true })

function bodyOf ({ key, text, replyTo, isSilent }: OutboundMessage): { readonly [name: string]: unknown } {
  return {
    content: text.toWellFormed(),
    ...keyed(key),
    allowed_mentions: mentions,
    // What is answered may have been removed meanwhile; the answer is worth sending all the same.
    ...(replyTo === undefined ? {} : { message_reference: { message_id: replyTo, fail_if_not_exists: false } }),
    ...(isSilent ? { flags: silent } : {})
  }
}

function pollProblem ({ chatId, threadId, question, options }: OutboundPoll): string | undefined {
  const problem = problemOf({ key: '', chatId, text: question, ...(threadId === undefined ? {} : { threadId }) })
  if (problem !== undefined) return problem
  if (question.length > 300) return `the question has ${question.length} characters, and Discord takes 300`
  if (options.length < 1 || options.length > 10) return 'a poll of Discord has 1 to 10 answers'
  const long = options.find(option => option.length > 55 || option.trim() === '')
  return long === undefined ? undefined : `the answer "${long.slice(0, 60)}" has ${long.length} characters, and Discord takes 1 to 55`
}

function pollBody ({ key, question, options, maxSelections = 1, durationSeconds = 24 * 3600, isSilent }: OutboundPoll): CallOptions['body'] {
  return {
    ...keyed(key),
    poll: {
      question: { text: question },
      answers: options.map(text => ({ poll_media: { text } })),
      duration: Math.min(768, Math.max(1, Math.ceil(durationSeconds / 3600))),
      allow_multiselect: maxSelections > 1
    },
    ...(isSilent ? { flags: silent } : {})
  }
}

function uploadOf ({ media }: OutboundMessage): { readonly upload: Upload, readonly extraMs: number } | object {
  if (!media) return {}
  const { data, mimeType, name = `${media.kind}.${/^\w+\/([\w-]+)/.exec(mimeType)?.[1] ?? 'bin'}` } = media
  // A large file over a slow line takes its time.
  return { upload: { field: 'files[0]', name, mimeType: mimeType.split(';')[0]!.trim(), data }, extraMs: 60_000 + data.length / 50 }
}

class DiscordOutbound {
  readonly #options: OutboundOptions
  /** Messages that may have arrived, and since when. */
  readonly #uncertain = createRecent<number>(mostUncertain)

  constructor (options: OutboundOptions) {
    this.#options = options
  }

  /** Every call ends here: an outcome, never an error. */
  async #outcome (work: () => Promise<string>): Promise<SendOutcome> {
    try {
      return { kind: 'sent', messageId: await work() }
    } catch (error) {
      if (error instanceof Refusal && error.isUnauthorized) this.#options.unauthorized(error)
      return outcomeOf(error)
    }
  }

  async send (message: OutboundMessage, signal: AbortSignal): Promise<SendOutcome> {
    const problem = problemOf(message)
    return problem === undefined ? await this.#post(message, { body: bodyOf(message), ...uploadOf(message) }, signal) : refused(problem)
  }

  async poll (poll: OutboundPoll, signal: AbortSignal): Promise<SendOutcome> {
    const problem = pollProblem(poll)
    return problem === undefined ? await this.#post(poll, { body: pollBody(poll) }, signal) : refused(problem)
  }

  async #post (message: Posted, what: Omit<CallOptions, 'signal'>, signal: AbortSignal): Promise<SendOutcome> {
    const since = this.#uncertain.get(message.key)
    if (since !== undefined && performance.now() - since > nonceHoldsMs) {
      return { kind: 'unknown', reason: 'an earlier try may have arrived, and Discord does not remember it for so long' }
    }
    const { api, conversations } = this.#options
    const where = message.threadId ?? message.chatId
    const outcome = await this.#outcome(async () => await conversations.within(where, signal, async channelId => {
      const sent = await api.call<Partial<Message> | undefined>('POST', `/channels/${channelId}/messages`, { ...what, signal })
      if (!isSnowflake(sent?.id)) return ''
      conversations.saw(sent.id, channelId)
      return sent.id
    }))
    return this.#judged(message.key, outcome)
  }

  /** With its key a message can be sent again: if the first one has arrived, Discord answers with that. */
  #judged (key: string, outcome: SendOutcome): SendOutcome {
    if (outcome.kind === 'sent' && outcome.messageId === '') return { kind: 'unknown', reason: 'Discord accepted the message and told no id of it' }
    if (outcome.kind !== 'unknown') {
      if (outcome.kind !== 'later') this.#uncertain.delete(key)
      return outcome
    }
    this.#uncertain.set(key, this.#uncertain.get(key) ?? performance.now())
    return later(outcome.reason)
  }

  /** Calls about a message that is there; made twice they do no more than once. */
  async #about (chatId: string, messageId: string, signal: AbortSignal, work: (path: string) => Promise<unknown>): Promise<SendOutcome> {
    if (!targetOf(chatId) || !isSnowflake(messageId)) return refused('Discord knows chats and messages by numbers')
    const { conversations } = this.#options
    const where = conversations.whereIs(messageId) ?? chatId
    return await this.#outcome(async () => await conversations.within(where, signal, async channelId => {
      await work(`/channels/${channelId}/messages/${messageId}`)
      return messageId
    }))
  }

  async edit (message: OutboundMessage & { readonly messageId: string }, signal: AbortSignal): Promise<SendOutcome> {
    const problem = problemOf(message)
    if (problem !== undefined) return refused(problem)
    const { chatId, threadId, messageId, text } = message
    const body = { content: text.toWellFormed(), allowed_mentions: mentions }
    return await this.#about(threadId ?? chatId, messageId, signal, async path => await this.#options.api.call('PATCH', path, { signal, body }))
  }

  async remove (chatId: string, messageId: string, signal: AbortSignal): Promise<SendOutcome> {
    return await this.#about(chatId, messageId, signal, async path => await this.#options.api.call('DELETE', path, { signal }))
  }

  /** An empty one takes ours back. Pictures of a server are written `name:id`. */
  async react (chatId: string, messageId: string, emoji: string, signal: AbortSignal): Promise<SendOutcome> {
    const { api } = this.#options
    const own = (name: string): string => `/reactions/${encodeURIComponent(name.replace(/^<?a?:?(\w+:\d+)>?$/, '$1'))}/@me`
    if (emoji !== '') return await this.#about(chatId, messageId, signal, async path => await api.call('PUT', path + own(emoji), { signal }))
    return await this.#about(chatId, messageId, signal, async path => {
      const { reactions = [] } = await api.call<{ reactions?: ReadonlyArray<{ me?: boolean, emoji: { id?: string | null, name?: string | null } }> }>('GET', path, { signal })
      for (const { me, emoji: { id, name } } of reactions) {
        if (me) await api.call('DELETE', path + own(id ? `${name ?? '_'}:${id}` : name ?? ''), { signal })
      }
    })
  }

  /** A sign that nobody misses: it is not tried again. */
  async typing (chatId: string, threadId: string | undefined, signal: AbortSignal): Promise<void> {
    const { api, conversations } = this.#options
    const where = threadId ?? chatId
    if (!targetOf(where)) return
    await this.#outcome(async () => await conversations.within(where, signal, async channelId => {
      await api.call('POST', `/channels/${channelId}/typing`, { signal })
      return ''
    }))
  }
}

export function createOutbound (options: OutboundOptions): Outbound {
  const outbound = new DiscordOutbound(options)
  return {
    send: async (message, signal) => await outbound.send(message, signal),
    edit: async (message, signal) => await outbound.edit(message, signal),
    remove: async (...call) => await outbound.remove(...call),
    react: async (...call) => await outbound.react(...call),
    poll: async (...call) => await outbound.poll(...call),
    typing: async (...call) => await outbound.typing(...call)
  }
}
