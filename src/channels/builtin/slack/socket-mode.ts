/** Listens to Slack over sockets that follow each other: the next one is there before the last one goes. */
import type { AccountContext } from '../../define-channel.ts'
import { ServiceRefusal } from '../../http/service.ts'
import { createIntakeLine, type IntakeLine } from '../../intake-line.ts'
import { backoffMs, pause } from '../../waiting.ts'
import { unauthorized, type Api } from './api.ts'
import { openLink, type Leaving, type Link } from './link.ts'
import { appsPage } from './settings.ts'
import type { EventCallback } from './wire.ts'
import type { Intake } from './intake.ts'

export interface SocketModeOptions {
  readonly api: Api
  readonly appToken: string
  readonly silentMs: number
  readonly context: AccountContext
  /** Needs to know who we are, and so is there only when Slack can be asked. */
  readonly intake: () => Promise<Intake>
  readonly signal: AbortSignal
}

interface Told {
  readonly callback: EventCallback
  readonly acknowledge: () => void
}

const firstWaitMs = 500
/** A socket that held for less is no success. */
const shortLinkMs = 5000
/** For what is still on its way over a socket that another one has followed. */
const farewellMs = 5000

/** Only other settings help. */
const forbidden: ReadonlySet<string> = new Set(['missing_scope', 'forbidden_team', 'not_allowed_token_type', 'invalid_arguments', 'slack_connect_blocked'])

class SocketMode {
  readonly #options: SocketModeOptions
  readonly #line: IntakeLine<Told>
  readonly #links = new Set<Link>()
  #intake: Intake | undefined
  #failures = 0

  constructor (options: SocketModeOptions) {
    this.#options = options
    const { context: { log }, signal } = options
    this.#line = createIntakeLine({
      service: 'Slack',
      log,
      signal,
      take: async ({ callback, acknowledge }) => {
        await this.#intake!.take(callback)
        acknowledge()
      },
      full: isFull => { for (const link of this.#links) link.hold(isFull) }
    })
  }

  async run (): Promise<void> {
    const { signal } = this.#options
    try {
      while (!signal.aborted) {
        try {
          if (!await this.#turn()) return
        } catch (error) {
          if (signal.aborted || !await this.#goesOnAfter(error)) return
        }
      }
    } finally {
      for (const link of this.#links) link.close()
      await this.#line.ended()
    }
  }

  /** Until another socket is needed. False: it is no use. */
  async #turn (): Promise<boolean> {
    const { api, appToken, silentMs, context, intake, signal } = this.#options
    this.#intake ??= await intake()
    const { url } = await api.call<{ url?: unknown }>('apps.connections.open', {}, { signal, token: appToken })
    if (typeof url !== 'string' || !/^wss?:\/\//.test(url)) throw new Error('Slack told no address of a socket; check apiRoot')
    const link = await openLink({
      url, silentMs, signal, heard: () => context.activity(), told: (callback, acknowledge) => this.#line.put({ callback, acknowledge })
    })
    const openedAtMs = performance.now()
    this.#up(link)
    const why = await link.leaving
    if (why.isForbidden) return this.#over(link, why)
    if (why.isAnnounced) this.#retireLater(link)
    if (performance.now() - openedAtMs > shortLinkMs) {
      this.#failures = 0
      return true
    }
    return await pause(backoffMs(firstWaitMs, ++this.#failures), signal)
  }

  #over (link: Link, { reason }: Leaving): false {
    this.#links.delete(link)
    link.close()
    this.#options.context.disconnected({ reason: `${reason}: Socket Mode is switched off; switch it on at ${appsPage}`, terminal: 'misconfigured' })
    return false
  }

  #up (link: Link): void {
    const { context, signal } = this.#options
    if (this.#failures > 0) context.log.info('Slack can be read again')
    // The ones before have been followed.
    for (const earlier of this.#links) this.#retireLater(earlier)
    this.#links.add(link)
    if (this.#line.isFull) link.hold(true)
    context.connected()
    const onClosed = (why: Leaving): void => {
      const wasInUse = this.#links.delete(link)
      if (wasInUse && this.#links.size === 0 && !signal.aborted) context.disconnected({ reason: why.reason })
    }
    link.closed.then(async () => onClosed(await link.leaving), () => {})
  }

  #retireLater (link: Link): void {
    setTimeout(() => { if (this.#links.size > 1) link.close() }, farewellMs).unref()
  }

  async #goesOnAfter (error: unknown): Promise<boolean> {
    const { context, signal } = this.#options
    if (error instanceof ServiceRefusal && (error.isUnauthorized || forbidden.has(error.code))) {
      const terminal = error.isUnauthorized ? 'logged-out' : 'misconfigured'
      context.disconnected({ reason: error.isUnauthorized ? unauthorized(error) : error.message, terminal })
      return false
    }
    const reason = error instanceof Error ? error.message : String(error)
    if (this.#failures++ === 0) {
      context.log.warn(`Slack cannot be read, and is tried again: ${reason}`)
      if (this.#links.size === 0) context.disconnected({ reason })
    }
    return await pause((error instanceof ServiceRefusal ? error.retryAfterMs : undefined) ?? backoffMs(firstWaitMs, this.#failures), signal)
  }
}

/** Resolves when the account has ended, or when listening is no use any more. */
export const listen = async (options: SocketModeOptions): Promise<void> => await new SocketMode(options).run()
