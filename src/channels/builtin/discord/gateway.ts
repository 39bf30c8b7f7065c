/** Listens to Discord, from one socket to the next: what one missed the next one brings. */
import type { Logger } from '../../../log/logger.ts'
import { createIntakeLine, type IntakeLine } from '../../intake-line.ts'
import type { AccountContext } from '../../define-channel.ts'
import { backoffMs, pause } from '../../waiting.ts'
import { Refusal, type Api } from './api.ts'
import { catchUp } from './catch-up.ts'
import { connect, type End, type Session } from './connection.ts'
import type { Conversations } from './conversations.ts'
import { readMessage } from './inbound.ts'
import { createResponder, interactionOf, messageOf, registerCommands, registered, type Interaction, type Responder } from './interactions.ts'
import { withRead, type Memory, type Read, type Saved } from './memory.ts'
import { Places } from './places.ts'
import { tokenAdvice } from './settings.ts'
import { isSnowflake, type Message, type User } from './wire.ts'

export interface GatewayOptions {
  readonly api: Api
  readonly token: string
  readonly context: AccountContext
  readonly conversations: Conversations
  readonly memory: Memory
  readonly readsDirect: boolean
  readonly showsCommands: boolean
  readonly signal: AbortSignal
}

interface Told {
  readonly event: string
  readonly data: unknown
  readonly seq: number
  readonly session: Session
}

interface Begun {
  readonly session_id?: unknown
  readonly resume_gateway_url?: unknown
  readonly user?: User
  readonly application?: { readonly id?: unknown }
}

interface Door {
  readonly url?: unknown
  readonly session_start_limit?: { readonly remaining?: unknown, readonly reset_after?: unknown }
}

const firstWaitMs = 500
/** Discord asks for a wait before a session is begun in place of one that it does not know. */
const anewMs = 1000
const anewSpreadMs = 4000
const mostFailedResumes = 5
/** A socket that held for less is no success. */
const shortSocketMs = 5000
/** How far Discord was read is written down with every message that was taken, and else so often. */
const quietSaveMs = 30_000
const taken: ReadonlySet<string> = new Set(['READY', 'MESSAGE_CREATE', 'MESSAGE_UPDATE', 'INTERACTION_CREATE'])

const startLimitOf = ({ session_start_limit: limit }: Door): number =>
  limit?.remaining === 0 && typeof limit.reset_after === 'number' ? Math.min(limit.reset_after, 24 * 3600 * 1000) : 0

export const unauthorized = ({ status }: Refusal): string =>
  `Discord does not know the token (${status}); reset it and put the new one into channels.discord.token: ${tokenAdvice}`

class Gateway {
  readonly #options: GatewayOptions
  readonly #places: Places
  readonly #line: IntakeLine<Told>
  readonly #responder: Responder
  #hold: ((isHeld: boolean) => void) | undefined
  #self: User | undefined
  #session: Session | undefined
  #isUp = false
  #upAtMs = 0
  /** Sockets in a row that were taken in and did not hold. */
  #shortSockets = 0
  #failures = 0
  #done: Saved['session']
  #savedAtMs = 0

  constructor (options: GatewayOptions) {
    this.#options = options
    const { api, context: { log }, signal } = options
    this.#places = new Places(api)
    this.#responder = createResponder(api, log, signal)
    this.#line = createIntakeLine({
      service: 'Discord', log, signal, take: async told => await this.#take(told), full: isFull => this.#hold?.(isFull)
    })
  }

  async run (): Promise<void> {
    const { signal } = this.#options
    try {
      while (!signal.aborted) {
        try {
          if (!await this.#goesOnAfter(await this.#turn())) return
        } catch (error) {
          if (signal.aborted || !await this.#goesOnAfterError(error)) return
        }
      }
    } finally {
      await this.#line.ended()
      await this.#save().catch(() => {})
    }
  }

  async #turn (): Promise<End> {
    const { api, token, context, signal } = this.#options
    if (!this.#self) {
      this.#self = await api.call<User>('GET', '/users/@me', { signal })
      this.#session = this.#savedSession(this.#self)
    }
    const url = this.#session?.resumeUrl ?? await this.#door()
    return await connect({
      url: `${url.replace(/\/?(?:\?.*)?$/, '')}/?v=10&encoding=json`,
      token,
      session: this.#session,
      signal,
      heard: () => context.activity(),
      told: (event, data, seq) => this.#told(event, data, seq),
      opened: hold => {
        this.#hold = hold
        if (this.#line.isFull) hold(true)
      }
    })
  }

  #savedSession ({ id: botId }: User): Session | undefined {
    const { session } = this.#options.memory.saved
    return session?.botId === botId ? { id: session.id, resumeUrl: session.resumeUrl, seq: session.seq } : undefined
  }

  async #door (): Promise<string> {
    const { api, signal } = this.#options
    const door = await api.call<Door>('GET', '/gateway/bot', { signal })
    const waitMs = startLimitOf(door)
    if (waitMs > 0) {
      throw new Refusal('GET /gateway/bot', {
        status: 429, code: 0, description: 'the bot has begun too many sessions today', retryAfterMs: waitMs, isOfService: true
      })
    }
    if (typeof door?.url !== 'string' || !/^wss?:\/\//.test(door.url)) throw new Error('Discord told no address of its gateway; check apiRoot')
    return door.url
  }

  #told (event: string, data: unknown, seq: number): void {
    if (event === 'READY') this.#begun(data, seq)
    if (event === 'READY' || event === 'RESUMED') this.#up()
    if (this.#session) this.#session.seq = seq
    this.#places.heard(event, data)
    const asked = event === 'INTERACTION_CREATE' ? interactionOf(data) : undefined
    // What came before it may take longer to be taken in than whoever waits is told to wait.
    if (asked) void this.#responder.hear(asked)
    if (taken.has(event) && this.#session) this.#line.put({ event, data, seq, session: this.#session })
  }

  #begun (data: unknown, seq: number): void {
    const { session_id: id, resume_gateway_url: resumeUrl, user, application } = data as Begun
    if (typeof id !== 'string' || typeof resumeUrl !== 'string' || !/^wss?:\/\//.test(resumeUrl)) throw new Error('Discord told no session')
    if (isSnowflake(user?.id)) this.#self = user
    this.#show(application?.id)
    this.#session = { id, resumeUrl, seq }
  }

  #up (): void {
    const { context } = this.#options
    if (this.#failures > 0) context.log.info('Discord can be read again')
    this.#failures = 0
    this.#isUp = true
    this.#upAtMs = performance.now()
    context.connected()
  }

  async #take ({ event, data, seq, session }: Told): Promise<void> {
    const { context, memory } = this.#options
    if (event === 'READY') await this.#catchUp()
    const read = await this.#takeTold(event, data)
    this.#done = { botId: this.#self!.id, id: session.id, resumeUrl: session.resumeUrl, seq }
    const isFirst = memory.saved.session?.id !== session.id
    if (read || isFirst || context.now() - this.#savedAtMs > quietSaveMs) await this.#save(read)
  }

  async #takeTold (event: string, data: unknown): Promise<Read | undefined> {
    if (event === 'READY') return undefined
    if (event !== 'INTERACTION_CREATE') return await this.#takeMessage(data as Message, event === 'MESSAGE_UPDATE')
    const asked = interactionOf(data)
    if (asked) await this.#takeInteraction(asked)
    return undefined
  }

  async #takeInteraction (asked: Interaction): Promise<void> {
    await this.#takeMessage(messageOf(asked, this.#self!), false, true)
    void this.#responder.done(asked)
  }

  /** Once for each bot, and again when there are others. */
  #show (applicationId: unknown): void {
    const { api, showsCommands, memory, context: { log }, signal } = this.#options
    if (!showsCommands || !isSnowflake(applicationId) || memory.saved.commands === registered(applicationId)) return
    registerCommands(api, applicationId, signal)
      .then(async () => await memory.change(saved => ({ ...saved, commands: registered(applicationId) })))
      .catch((err: unknown) => { if (!signal.aborted) log.warn({ err }, 'Discord could not be told which commands there are') })
  }

  async #save (read?: Read): Promise<void> {
    const session = this.#done
    if (!session && !read) return
    await this.#options.memory.change(saved => ({
      ...saved, ...(session ? { session } : {}), ...(read ? { read: withRead(saved.read, read) } : {})
    }))
    this.#savedAtMs = this.#options.context.now()
  }

  /** Where it stands, if there was something for us in it. */
  async #takeMessage (message: Message, isEdit: boolean, isCommand = false): Promise<Read | undefined> {
    const { api, context, conversations, readsDirect, signal } = this.#options
    const reader = { self: this.#self!, api, places: this.#places, signal }
    const read = await unlessBroken(context.log, async () => await readMessage(message, isEdit, reader))
    if (!read || (read.chat.kind === 'direct' && !readsDirect)) return undefined
    const { id, channel_id: channelId, guild_id: guildId } = message
    if (guildId === undefined) conversations.met(read.sender.id, channelId)
    const { messageId: _none, ...spoken } = read
    // Nothing stands in the chat that could be answered to.
    if (isCommand) await context.receive(spoken)
    else {
      conversations.saw(id, channelId)
      await context.receive(read)
    }
    return { channelId, messageId: id, guildId }
  }

  async #catchUp (): Promise<void> {
    const { api, context: { log, now }, memory: { saved: { read } }, signal } = this.#options
    if (!read) return
    const take = async (message: Message): Promise<void> => await this.#save(await this.#takeMessage(message, false))
    await catchUp({ api, read, log, now: now(), signal, take })
  }

  /** Waits for as long as the end of a socket asks for. False: another one is no use. */
  async #goesOnAfter (end: End): Promise<boolean> {
    const { context, signal } = this.#options
    if (signal.aborted) return false
    const wasUp = this.#isUp
    this.#down(end.reason)
    if (end.kind === 'fatal') {
      context.disconnected({ reason: end.reason, terminal: end.terminal })
      return false
    }
    // What cannot be resumed again and again is begun anew.
    if (end.kind === 'anew' || this.#failures >= mostFailedResumes) this.#session = undefined
    if (end.kind === 'anew') return await pause(anewMs + Math.random() * anewSpreadMs, signal)
    if (!wasUp) return await pause(backoffMs(firstWaitMs, this.#failures), signal)
    this.#shortSockets = performance.now() - this.#upAtMs > shortSocketMs ? 0 : this.#shortSockets + 1
    return this.#shortSockets === 0 || await pause(backoffMs(firstWaitMs, this.#shortSockets), signal)
  }

  async #goesOnAfterError (error: unknown): Promise<boolean> {
    const { context, signal } = this.#options
    if (error instanceof Refusal && error.isUnauthorized) {
      context.disconnected({ reason: unauthorized(error), terminal: 'logged-out' })
      return false
    }
    this.#down(error instanceof Error ? error.message : String(error))
    if (this.#failures >= mostFailedResumes) this.#session = undefined
    return await pause((error instanceof Refusal ? error.retryAfterMs : undefined) ?? backoffMs(firstWaitMs, this.#failures), signal)
  }

  #down (reason: string): void {
    const { context } = this.#options
    this.#hold = undefined
    if (this.#failures++ === 0) context.log.warn(`Discord cannot be read, and is tried again: ${reason}`)
    if (this.#failures === 1 || this.#isUp) context.disconnected({ reason })
    this.#isUp = false
  }
}

/** What cannot be read today cannot be read tomorrow, and must not hold up what comes after it. */
async function unlessBroken <Result> (log: Logger, read: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await read()
  } catch (err) {
    if (!(err instanceof TypeError || err instanceof SyntaxError)) throw err
    log.warn({ err }, 'Discord sent a message that cannot be read; it is left out')
    return undefined
  }
}

/** Resolves when the account has ended, or when listening is no use any more. */
export const listen = async (options: GatewayOptions): Promise<void> => await new Gateway(options).run()
