/** What goes out: messages, files, changes of what was sent, and signs. */
import { createRecent } from '../../../lib/recent.ts'
import type { OutboundMessage, RunningAccount, SendOutcome } from '../../define-channel.ts'
import { outcomeOfError, ServiceRefusal, type Json } from '../../http/service.ts'
import { refused } from '../../outcome.ts'
import type { Api } from './api.ts'
import { emojiName } from './emoji.ts'
import { toMrkdwn } from './text.ts'
import { findTraced, traced } from './traces.ts'
import { isChannelId, isTimestamp, isUserId } from './wire.ts'

export const textLimit = 4000
export const mediaLimitBytes = 100 * 1024 * 1024

export interface OutboundOptions {
  readonly api: Api
  readonly unfurlLinks: boolean
  /** Slack does not take the token any more. */
  readonly unauthorized: (refusal: ServiceRefusal) => void
}

export interface Outbound extends Required<Pick<RunningAccount, 'send' | 'edit' | 'remove' | 'react'>> {
  /** The person writes there. */
  met (userId: string, channelId: string): void
  /** We have written into this thread. */
  isOurThread (channelId: string, threadTs: string): boolean
}

const mostPeople = 1000
const mostThreads = 2000
const fileId = /^F[A-Z0-9]{2,30}$/

/** `C123`, `channel:C123`, `user:U123`, `<@U123>`, `U123`. Undefined: none of these. */
export function targetOf (chatId: string): string | undefined {
  const id = chatId.trim().replace(/^(?:user:|channel:|slack:)/i, '').replace(/^<[@#]([A-Z0-9]+)(?:\|[^>]*)?>$/, '$1')
  return isChannelId(id) || isUserId(id) ? id : undefined
}

/** What the service would refuse is not sent at all. */
function problemOf ({ chatId, threadId, text, media }: OutboundMessage): string | undefined {
  if (!targetOf(chatId)) return 'a chat of Slack is the id of a channel, C…, or of a person, U…'
  if (threadId !== undefined && !isTimestamp(threadId)) return 'a thread of Slack is known by the time of its first message, such as 1700000000.000100'
  if (text.length > textLimit) return `the text has ${text.length} characters, and Slack takes ${textLimit}`
  if (!media) return text.trim() === '' ? 'there is nothing to send' : undefined
  if (media.data.length === 0) return 'the file is empty'
  return media.data.length > mediaLimitBytes ? `the file has ${media.data.length} bytes, and ${mediaLimitBytes} are sent at most` : undefined
}

interface Completed {
  readonly files?: ReadonlyArray<{
    readonly shares?: { readonly [kind: string]: { readonly [channel: string]: ReadonlyArray<{ readonly ts?: string }> } }
  }>
}

type About = (message: { readonly channel: string, readonly ts: string }) => Promise<unknown>

/** Where a file was shown; often Slack has not shown it yet when it says that it will. */
function shownAs ({ files: [file] = [] }: Completed, id: string): string {
  const shares = Object.values(file?.shares ?? {}).flatMap(channels => Object.values(channels)).flat()
  return shares.find(({ ts }) => isTimestamp(ts))?.ts ?? id
}

class SlackOutbound {
  readonly #options: OutboundOptions
  readonly #people = createRecent<string>(mostPeople)
  readonly #threads = createRecent<true>(mostThreads)

  constructor (options: OutboundOptions) {
    this.#options = options
  }

  met (userId: string, channelId: string): void {
    this.#people.set(userId, channelId)
  }

  isOurThread (channelId: string, threadTs: string): boolean {
    return this.#threads.get(`${channelId} ${threadTs}`) === true
  }

  /** Every call ends here: an outcome, never an error. `isRepeatable`: made twice it does no more than once. */
  async #outcome (isRepeatable: boolean, work: () => Promise<string>): Promise<SendOutcome> {
    try {
      const messageId = await work()
      return messageId === '' ? { kind: 'unknown', reason: 'Slack accepted the message and told no time of it' } : { kind: 'sent', messageId }
    } catch (error) {
      if (error instanceof ServiceRefusal && error.isUnauthorized) this.#options.unauthorized(error)
      const outcome = outcomeOfError(error)
      return outcome.kind === 'unknown' && isRepeatable ? { ...outcome, kind: 'later' } : outcome
    }
  }

  /** A person is written to in a conversation that Slack opens. */
  async #channelOf (chatId: string, signal: AbortSignal): Promise<string> {
    const id = targetOf(chatId)!
    if (!isUserId(id)) return id
    const known = this.#people.get(id)
    if (known !== undefined) return known
    const { channel } = await this.#options.api.call<{ channel?: { id?: string } }>('conversations.open', { users: id }, { signal })
      // Nothing was sent by that, whatever became of it.
      .catch((error: unknown) => { throw asLater(error) })
    if (channel?.id === undefined) throw new Error('Slack told no conversation with this person')
    this.met(id, channel.id)
    return channel.id
  }

  async send (message: OutboundMessage, signal: AbortSignal): Promise<SendOutcome> {
    const problem = problemOf(message)
    if (problem !== undefined) return refused(problem)
    const { threadId, replyTo, media } = message
    const thread = threadId ?? (isTimestamp(replyTo) ? replyTo : undefined)
    return await this.#outcome(false, async () => {
      const channel = await this.#channelOf(message.chatId, signal)
      const place = { channel, ...(thread === undefined ? {} : { thread_ts: thread }) }
      const id = media ? await this.#sendFile(message, place, signal) : await this.#sendText(message, place, signal)
      if (thread !== undefined) this.#threads.set(`${channel} ${thread}`, true)
      return id
    })
  }

  async #sendText ({ key, text }: OutboundMessage, place: Json, signal: AbortSignal): Promise<string> {
    const { api, unfurlLinks } = this.#options
    const shown = { text: toMrkdwn(text.toWellFormed()), mrkdwn: true, unfurl_links: unfurlLinks, unfurl_media: unfurlLinks }
    try {
      const { ts } = await api.call<{ ts?: unknown }>('chat.postMessage', { ...place, ...shown, ...traced(key) }, { signal })
      return isTimestamp(ts) ? ts : ''
    } catch (error) {
      if (outcomeOfError(error).kind !== 'unknown') throw error
      const ts = await findTraced(api, place, key, signal).catch(() => undefined)
      if (ts === undefined) throw error
      return ts
    }
  }

  /** A place for it is asked for, it is brought there, and shown with its text at last: until then nobody has seen anything. */
  async #sendFile ({ text, media }: OutboundMessage, { channel, ...thread }: Json, signal: AbortSignal): Promise<string> {
    const { api } = this.#options
    const { data, name = `${media!.kind}.${/^\w+\/([\w-]+)/.exec(media!.mimeType)?.[1] ?? 'bin'}` } = media!
    const filename = name.replace(/[\r\n"\\/]/g, '_').toWellFormed().slice(0, 200)
    let id: string
    try {
      const told = await api.call<{ upload_url?: unknown, file_id?: unknown }>('files.getUploadURLExternal', { filename, length: data.length }, { signal })
      if (typeof told.upload_url !== 'string' || typeof told.file_id !== 'string') throw new Error('Slack told no place for the file')
      id = told.file_id
      await api.upload(told.upload_url, data, signal)
    } catch (error) {
      throw asLater(error)
    }
    const completed = await api.call<Completed>('files.completeUploadExternal', {
      files: [{ id, title: filename }], channel_id: channel, ...thread, ...(text.trim() === '' ? {} : { initial_comment: toMrkdwn(text.toWellFormed()) })
    }, { signal })
    return shownAs(completed, id)
  }

  /** Calls about a message that is there. */
  async #about (chatId: string, messageId: string, signal: AbortSignal, work: About): Promise<SendOutcome> {
    if (!targetOf(chatId) || !isTimestamp(messageId)) return refused('Slack knows messages by their channel and their time, such as 1700000000.000100')
    return await this.#outcome(true, async () => {
      await work({ channel: await this.#channelOf(chatId, signal), ts: messageId })
      return messageId
    })
  }

  async edit (message: OutboundMessage & { readonly messageId: string }, signal: AbortSignal): Promise<SendOutcome> {
    const problem = problemOf(message)
    if (problem !== undefined) return refused(problem)
    const text = toMrkdwn(message.text.toWellFormed())
    return await this.#about(message.chatId, message.messageId, signal, async place => {
      await this.#options.api.call('chat.update', { ...place, text }, { signal })
    })
  }

  async remove (chatId: string, messageId: string, signal: AbortSignal): Promise<SendOutcome> {
    const { api } = this.#options
    if (!fileId.test(messageId)) return await this.#about(chatId, messageId, signal, async place => await api.call('chat.delete', place, { signal }))
    return await this.#outcome(true, async () => {
      await api.call('files.delete', { file: messageId }, { signal })
      return messageId
    })
  }

  /** An empty one takes ours back. */
  async react (chatId: string, messageId: string, emoji: string, signal: AbortSignal): Promise<SendOutcome> {
    const { api } = this.#options
    const name = emojiName(emoji)
    if (emoji !== '' && name === undefined) return refused(`Slack knows no name for "${emoji.slice(0, 20)}"; say the name, such as white_check_mark`)
    return await this.#about(chatId, messageId, signal, async ({ channel, ts: timestamp }) => {
      if (emoji === '') return await this.#takeBack(channel, timestamp, signal)
      await api.call('reactions.add', { channel, timestamp, name }, { signal }).catch((error: unknown) => {
        if (!(error instanceof ServiceRefusal && error.code === 'already_reacted')) throw error
      })
    })
  }

  async #takeBack (channel: string, timestamp: string, signal: AbortSignal): Promise<void> {
    const { api } = this.#options
    const { user_id: self } = await api.call<{ user_id?: string }>('auth.test', {}, { signal })
    const { message } = await api.call<{ message?: { reactions?: ReadonlyArray<{ name: string, users?: readonly string[] }> } }>('reactions.get', {
      channel, timestamp, full: true
    }, { signal })
    for (const { name, users = [] } of message?.reactions ?? []) {
      if (users.includes(self ?? '')) await api.call('reactions.remove', { channel, timestamp, name }, { signal })
    }
  }
}

/** Before anything is shown to anybody, not knowing whether a call arrived does no harm. */
function asLater (error: unknown): unknown {
  const outcome = outcomeOfError(error)
  if (outcome.kind !== 'unknown') return error
  return new ServiceRefusal(outcome.reason, { outcome: 'later', status: 0 })
}

export function createOutbound (options: OutboundOptions): Outbound {
  const outbound = new SlackOutbound(options)
  return {
    met: (userId, channelId) => outbound.met(userId, channelId),
    isOurThread: (channelId, threadTs) => outbound.isOurThread(channelId, threadTs),
    send: async (message, signal) => await outbound.send(message, signal),
    edit: async (message, signal) => await outbound.edit(message, signal),
    remove: async (...call) => await outbound.remove(...call),
    react: async (...call) => await outbound.react(...call)
  }
}
