/** Asks for messages, again and again: a call waits with the service until there are some. */
import type { AccountContext } from '../../define-channel.ts'
import { backoffMs, pause } from '../../waiting.ts'
import { Refusal, type Api } from './api.ts'
import { createIntake, type Intake } from './intake.ts'
import type { Memory } from './memory.ts'
import { updateKinds, type Update, type User } from './wire.ts'

export interface PollingOptions {
  readonly api: Api
  readonly context: AccountContext
  readonly memory: Memory
  readonly pollSeconds: number
  readonly signal: AbortSignal
}

const batchSize = 100
/** Numbers begin anew somewhere after a week of silence; an old one would then hide what is new. */
const offsetHoldsMs = 6 * 24 * 3600 * 1000
const firstWaitMs = 500
const firstConflictWaitMs = 3000

/** What is wrong since when it last went well. */
interface Trouble {
  kind: 'none' | 'connection' | 'conflict' | 'intake'
  count: number
}

class Polling {
  readonly #options: PollingOptions
  readonly #trouble: Trouble = { kind: 'none', count: 0 }
  #self: User | undefined
  #intake: Intake | undefined
  #isUp = false

  constructor (options: PollingOptions) {
    this.#options = options
  }

  async run (): Promise<void> {
    const { signal } = this.#options
    try {
      while (!signal.aborted) {
        try {
          await this.#turn()
        } catch (error) {
          if (signal.aborted || !await this.#goesOnAfter(error)) return
        }
      }
    } finally {
      this.#intake?.stop()
    }
  }

  async #turn (): Promise<void> {
    const { api, context, memory, signal, pollSeconds } = this.#options
    this.#self ??= await api.call<User>('getMe', {}, { signal })
    this.#intake ??= createIntake(context, memory, { self: this.#self, api })
    // After trouble it shows at once whether the service is there. Not in a conflict: two that ask in short turns never notice each other.
    const timeout = this.#isUp || this.#trouble.kind === 'conflict' ? pollSeconds : 0
    const updates = await api.call<readonly Update[]>('getUpdates', {
      ...this.#offset(), limit: batchSize, timeout, allowed_updates: updateKinds
    }, { signal, extraMs: timeout * 1000 })
    if (!Array.isArray(updates)) throw new Error('getUpdates brought no list of updates')
    context.activity()
    if (!this.#isUp) {
      this.#isUp = true
      context.connected()
    }
    if (this.#trouble.kind !== 'intake') this.#over()
    await this.#take(updates)
    this.#over()
  }

  #over (): void {
    if (this.#trouble.count > 0) this.#options.context.log.info('Telegram can be read again')
    Object.assign(this.#trouble, { kind: 'none', count: 0 })
  }

  #offset (): { readonly offset?: number } {
    const { memory, context } = this.#options
    const { offset } = memory.saved
    const holds = offset && offset.botId === this.#self!.id && Math.abs(context.now() - offset.atMs) < offsetHoldsMs
    return holds ? { offset: offset.next } : {}
  }

  /** Only what is durable counts as read. */
  async #take (updates: readonly Update[]): Promise<void> {
    const { memory, context } = this.#options
    let next: number | undefined
    try {
      try {
        for (const update of updates) {
          await this.#intake!.take(update)
          next = update.update_id + 1
        }
      } finally {
        const offset = next === undefined ? undefined : { botId: this.#self!.id, next, atMs: context.now() }
        if (offset) await memory.change(saved => ({ ...saved, offset }))
      }
    } catch (error) {
      throw new NotTaken(error)
    }
  }

  /** Waits for as long as the trouble asks for. False: it is no use. */
  async #goesOnAfter (error: unknown): Promise<boolean> {
    const { context } = this.#options
    if (error instanceof Refusal && error.isUnauthorized) {
      context.disconnected({ reason: unauthorized(error), terminal: 'logged-out' })
      return false
    }
    if (error instanceof Refusal && error.status === 409) {
      if (/webhook/i.test(error.description) && await this.#dropWebhook()) return true
      return await this.#conflict(error)
    }
    if (error instanceof Refusal && error.status === 429) {
      context.activity()
      return await this.#wait(error.retryAfterMs ?? firstWaitMs)
    }
    if (error instanceof NotTaken) {
      if (this.#note('intake') === 1) context.log.warn({ err: error.cause }, 'what Telegram brought could not be taken in; it is asked for again')
      return await this.#wait(backoffMs(firstWaitMs, this.#trouble.count))
    }
    const reason = error instanceof Error ? error.message : String(error)
    const isNew = this.#note('connection') === 1
    if (isNew) context.log.warn(`Telegram cannot be read, and is tried again: ${reason}`)
    if (isNew || this.#isUp) context.disconnected({ reason })
    this.#isUp = false
    return await this.#wait(backoffMs(firstWaitMs, this.#trouble.count))
  }

  /** Another start of ours does not help, so every answer counts as a fresh break, which the health monitor leaves alone for a while. */
  async #conflict ({ description }: Refusal): Promise<boolean> {
    const { context } = this.#options
    const reason = `another program reads this bot's messages with the same token; stop it, or give this gateway a bot of its own (${description})`
    if (this.#note('conflict') === 1) context.log.warn(reason)
    this.#isUp = false
    context.activity()
    context.disconnected({ reason })
    return await this.#wait(backoffMs(firstConflictWaitMs, this.#trouble.count))
  }

  /** It was set by hand or by an earlier configuration; this one says that messages are asked for. */
  async #dropWebhook (): Promise<boolean> {
    const { api, context, signal } = this.#options
    if (this.#note('conflict') > 1) return false
    context.log.info('Telegram sends this bot\'s messages to a webhook that is not configured here; it is taken away')
    return await api.call('deleteWebhook', { drop_pending_updates: false }, { signal }).then(() => true, () => false)
  }

  /** How often in a row. */
  #note (kind: Trouble['kind']): number {
    if (this.#trouble.kind !== kind) Object.assign(this.#trouble, { kind, count: 0 })
    return ++this.#trouble.count
  }

  async #wait (ms: number): Promise<boolean> {
    return await pause(ms, this.#options.signal)
  }
}

class NotTaken extends Error {
  constructor (cause: unknown) {
    super('not taken in', { cause })
  }
}

export const unauthorized = ({ status }: Refusal): string =>
  `Telegram does not know the token (${status}); get a new one from @BotFather and put it into channels.telegram.botToken or tokenFile`

/** Resolves when the account has ended, or when asking is no use any more. */
export const poll = async (options: PollingOptions): Promise<void> => await new Polling(options).run()
