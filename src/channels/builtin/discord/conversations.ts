/** Which of Discord's channels a conversation is: a direct message is known by its person, and a message of a thread by itself. */
import { createRecent } from '../../../lib/recent.ts'
import { Refusal, type Api } from './api.ts'
import { isSnowflake } from './wire.ts'

const mostPeople = 1000
const mostMessages = 2000
const unknownChannel = 10003

export class Conversations {
  readonly #api: Api
  readonly #people = createRecent<string>(mostPeople)
  readonly #messages = createRecent<string>(mostMessages)

  constructor (api: Api) {
    this.#api = api
  }

  /** The person writes there. */
  met (userId: string, channelId: string): void {
    this.#people.set(userId, channelId)
  }

  /** The message stands there. */
  saw (messageId: string, channelId: string): void {
    this.#messages.set(messageId, channelId)
  }

  whereIs (messageId: string): string | undefined {
    return this.#messages.get(messageId)
  }

  /**
   * Does something in the channel that an id means. An id that says nothing of what it is means a channel, and a person when there is no
   * such channel.
   */
  async within <Result> (chatId: string, signal: AbortSignal, work: (channelId: string) => Promise<Result>): Promise<Result> {
    const { id, kind } = targetOf(chatId)!
    const known = kind === 'channel' ? undefined : this.#people.get(id)
    if (known !== undefined) return await work(known)
    if (kind === 'user') return await work(await this.#open(id, signal))
    try {
      return await work(id)
    } catch (error) {
      if (kind === 'channel' || !(error instanceof Refusal && error.code === unknownChannel)) throw error
      const channelId = await this.#open(id, signal).catch(reason => { throw isNobody(reason) ? error : reason })
      return await work(channelId)
    }
  }

  async #open (userId: string, signal: AbortSignal): Promise<string> {
    const { id } = await this.#api.call<{ id: string }>('POST', '/users/@me/channels', { body: { recipient_id: userId }, signal })
    this.met(userId, id)
    return id
  }
}

const isNobody = (error: unknown): boolean => error instanceof Refusal && (error.status === 400 || error.status === 404)

/** `123`, `user:123`, `channel:123`, `<@123>`, `<#123>`. Undefined: none of these. */
export function targetOf (chatId: string): { readonly id: string, readonly kind: 'user' | 'channel' | 'either' } | undefined {
  const [, prefix = '', id] = /^(user:|channel:|<@!?|<#|)(\d{1,20})>?$/.exec(chatId.trim()) ?? []
  if (!isSnowflake(id)) return undefined
  return { id, kind: prefix === '' ? 'either' : prefix === 'channel:' || prefix === '<#' ? 'channel' : 'user' }
}
