/**
 * Webhooks of BlueBubbles are sent once, whether somebody takes them or not. So they only say that there is something new, and what
 * they did not bring is found by asking: at the start, and again and again.
 */
import { createOneAtATime } from '../../../lib/one-at-a-time.ts'
import { createRecent } from '../../../lib/recent.ts'
import type { AccountContext } from '../../define-channel.ts'
import type { OpenMemory } from '../../account-memory.ts'
import { NotTaken } from '../../reading.ts'
import type { Api } from './api.ts'
import { readMessage, type Reader } from './inbound.ts'
import type { WireMessage } from './wire.ts'

export interface Saved {
  /** Until when messages have been read, in the time of the Mac. */
  readonly readUntilMs?: number
  /** What was written until then was there before the gateway, and is answered by nobody. */
  readonly beganAtMs?: number
}

export interface Intake {
  /** Resolves when it is durable. */
  take (message: WireMessage): Promise<void>
  /** Asks for what is new. */
  sweep (signal: AbortSignal): Promise<void>
}

export interface IntakeOptions {
  readonly api: Api
  readonly context: Pick<AccountContext, 'receive' | 'log'>
  readonly memory: OpenMemory<Saved>
  readonly reader: Reader
}

const pageSize = 100
const mostPages = 50
/** A Mac that slept brings messages late, and under the time at which they were written. */
const overlapMs = 600_000
const remembered = 2000
const withAll = ['chat', 'chat.participants', 'attachment']

class BluebubblesIntake implements Intake {
  readonly #options: IntakeOptions
  readonly #inTurn = createOneAtATime()
  /** Taken in by this process. The room knows the others by their ids. */
  readonly #taken = createRecent<true>(remembered)

  constructor (options: IntakeOptions) {
    this.#options = options
  }

  async take (message: WireMessage): Promise<void> {
    await this.#inTurn(async () => {
      const { readUntilMs } = this.#options.memory.saved
      // Somebody read an old message on the Mac, which is news of it.
      if (readUntilMs !== undefined && !message.dateEdited && (message.dateCreated ?? readUntilMs) < readUntilMs - overlapMs) return
      await this.#takeOne(await this.#whole(message))
    })
  }

  /** What is too large for a webhook comes without its chat. */
  async #whole (message: WireMessage): Promise<WireMessage> {
    if (message.chats?.length || message.isFromMe) return message
    const query = { with: 'chats,chats.participants,attachments' }
    return await this.#options.api.call<WireMessage>('GET', `message/${encodeURIComponent(message.guid)}`, { query, signal: AbortSignal.timeout(20_000) })
  }

  async #takeOne (wire: WireMessage): Promise<void> {
    const { context: { receive, log }, reader } = this.#options
    const key = `${wire.guid}:${wire.dateEdited ?? ''}`
    if (this.#taken.get(key)) return
    let message: ReturnType<typeof readMessage>
    try {
      message = readMessage(wire, reader)
    } catch (err) {
      // What cannot be read today cannot be read tomorrow, and must not hold up what comes after it.
      log.warn({ err }, 'BlueBubbles sent a message that cannot be read; it is left out')
    }
    // A file that is not there yet may follow.
    if (!message) return
    await receive(message)
    this.#taken.set(key, true)
  }

  async sweep (signal: AbortSignal): Promise<void> {
    const { memory } = this.#options
    if (memory.saved.readUntilMs === undefined) {
      const [newest] = await this.#query({ limit: 1, sort: 'DESC' }, signal)
      const beganAtMs = newest?.dateCreated ?? 0
      await memory.change(saved => ({ ...saved, readUntilMs: beganAtMs, beganAtMs }))
      return
    }
    const { readUntilMs, beganAtMs = 0 } = memory.saved
    const after = Math.max(beganAtMs, readUntilMs - overlapMs)
    for (let page = 0; page < mostPages; page++) {
      const messages = await this.#query({ after, limit: pageSize, offset: page * pageSize, sort: 'ASC', with: withAll }, signal)
      await this.#inTurn(async () => await this.#takePage(messages))
      if (messages.length < pageSize) return
    }
  }

  /** Only what is durable counts as read. */
  async #takePage (messages: readonly WireMessage[]): Promise<void> {
    const { memory } = this.#options
    const { readUntilMs = 0, beganAtMs = 0 } = memory.saved
    let until = readUntilMs
    try {
      for (const message of messages) {
        if ((message.dateCreated ?? 0) <= beganAtMs) continue
        await this.#takeOne(message)
        until = Math.max(until, message.dateCreated ?? 0)
      }
    } catch (error) {
      throw new NotTaken(error)
    } finally {
      if (until > readUntilMs) await memory.change(saved => ({ ...saved, readUntilMs: until }))
    }
  }

  async #query (json: { readonly [name: string]: unknown }, signal: AbortSignal): Promise<WireMessage[]> {
    const found = await this.#options.api.call<unknown>('POST', 'message/query', { json, signal })
    if (!Array.isArray(found)) throw new Error('BlueBubbles brought no list of messages')
    return found.filter(message => typeof message?.guid === 'string')
  }
}

export const createIntake = (options: IntakeOptions): Intake => new BluebubblesIntake(options)
