/** One account of one channel, looked after by itself: nothing that happens in it reaches another. */
import type { Clock } from '../lib/clock.ts'
import { createOneAtATime } from '../lib/one-at-a-time.ts'
import type { Logger } from '../log/logger.ts'
import { createContext } from './account-context.ts'
import { contained, outside } from './containment.ts'
import type { AccountContext, AccountMemory, Channel, InboundMessage, RunningAccount } from './define-channel.ts'
import type { AccountFacts, RestartReason } from './facts.ts'
import { countRestart, nextTry, type RestartRules } from './restarts.ts'

/** What of an account outlives the gateway. */
export interface SavedAccount {
  readonly manuallyStopped: boolean
  readonly restartsAt: readonly number[]
}

export interface AccountOptions {
  readonly channel: Channel
  readonly accountId: string
  readonly config: unknown
  readonly secret: (name: string) => Promise<string>
  readonly enabled: boolean
  readonly clock: Clock
  readonly log: Logger
  readonly rules: () => RestartRules
  readonly random: () => number
  readonly memory: AccountMemory
  readonly commands: AccountContext['commands']
  readonly saved: SavedAccount | undefined
  readonly save: (saved: SavedAccount) => void
  readonly receive: (message: InboundMessage) => Promise<void>
  /** Something that people may want to see has changed. */
  readonly changed: () => void
}

export type StartStatus = 'started' | 'already-running' | 'disabled' | 'blocked' | 'failed'

export interface SupervisedAccount {
  readonly channel: Channel
  readonly config: unknown
  readonly facts: AccountFacts
  current (): RunningAccount | undefined
  /** By hand it also takes back an earlier stop by hand. */
  start (by: 'hand' | 'gateway'): Promise<StartStatus>
  /** By hand it holds until somebody starts it again, whatever happens in between. */
  stop (by: 'hand' | 'gateway'): Promise<void>
  /** Ends what there is and begins anew; counted. */
  restart (reason: RestartReason): Promise<void>
}

export const startLimitMs = 60_000
export const stopLimitMs = 5_000
/** After so long without trouble earlier tries are forgotten. */
export const stableMs = 300_000

/** From one start to its end. */
interface Life {
  readonly ending: AbortController
  running?: RunningAccount
  forgetTrouble?: () => void
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 500)

function freshFacts ({ channel, accountId, enabled, config, saved }: AccountOptions): AccountFacts {
  const missing = channel.missing(config, accountId)
  return {
    channel: channel.id,
    accountId,
    enabled,
    configured: missing === undefined,
    lifecycle: missing === undefined ? 'stopped' : 'blocked',
    running: false,
    manuallyStopped: saved?.manuallyStopped ?? false,
    restartPending: false,
    reconnectAttempts: 0,
    activeRuns: 0,
    restartsAt: [...saved?.restartsAt ?? []],
    restartsByReason: {},
    ...(missing === undefined ? {} : { lastError: missing })
  }
}

class Account implements SupervisedAccount {
  readonly channel: Channel
  readonly config: unknown
  readonly facts: AccountFacts
  readonly #options: AccountOptions
  readonly #inTurn = createOneAtATime()
  #life: Life | undefined
  #cancelRestart: (() => void) | undefined

  constructor (options: AccountOptions) {
    this.#options = options
    this.channel = options.channel
    this.config = options.config
    this.facts = freshFacts(options)
  }

  current (): RunningAccount | undefined {
    return this.#life?.running
  }

  async start (by: 'hand' | 'gateway'): Promise<StartStatus> {
    const { facts } = this
    if (by === 'hand' && facts.manuallyStopped) {
      facts.manuallyStopped = false
      this.#save()
    }
    return await this.#inTurn(async () => {
      if (!facts.enabled) return 'disabled'
      if (facts.lifecycle === 'blocked') return 'blocked'
      if (this.#life) return 'already-running'
      if (facts.manuallyStopped) return 'disabled'
      if (by === 'hand') this.#forgetTrouble()
      return await this.#begin()
    })
  }

  async stop (by: 'hand' | 'gateway'): Promise<void> {
    const { facts } = this
    if (by === 'hand' && !facts.manuallyStopped) {
      facts.manuallyStopped = true
      this.#save()
    }
    this.#callOff()
    // A start that is under way must not be waited for.
    this.#life?.ending.abort()
    await this.#inTurn(async () => await this.#end())
  }

  async restart (reason: RestartReason): Promise<void> {
    this.#callOff()
    this.#life?.ending.abort()
    await this.#inTurn(async () => {
      if (this.facts.manuallyStopped) return
      this.#count(reason)
      await this.#end()
      this.facts.reconnectAttempts = 0
      await this.#begin()
    })
  }

  #changed (): void {
    outside(this.#options.changed)
  }

  #save (): void {
    const { manuallyStopped, restartsAt } = this.facts
    this.#options.save({ manuallyStopped, restartsAt })
  }

  #count (reason: RestartReason): void {
    countRestart(this.facts, reason, this.#options.clock.now())
    this.#save()
  }

  #callOff (): void {
    this.#cancelRestart?.()
    this.#cancelRestart = undefined
    this.facts.restartPending = false
  }

  /** Not longer than `ms`, and not beyond the end of the life that it belongs to. */
  async #limited<Result> (ms: number, what: string, work: Promise<Result>, ending?: AbortSignal): Promise<Result> {
    const { promise, reject } = Promise.withResolvers<never>()
    const cancel = this.#options.clock.after(ms, () => reject(new Error(`${what} took longer than ${ms / 1000} s`)))
    const onEnd = (): void => reject(new Error(`${what} was called off`))
    ending?.addEventListener('abort', onEnd)
    work.catch(() => {})
    try {
      return await Promise.race([work, promise])
    } finally {
      cancel()
      ending?.removeEventListener('abort', onEnd)
    }
  }

  async #begin (): Promise<StartStatus> {
    const { facts } = this
    const life: Life = this.#life = { ending: new AbortController() }
    Object.assign(facts, { lifecycle: 'starting', running: false, lastStartAt: this.#options.clock.now() })
    delete facts.connected
    delete facts.terminal
    delete facts.ingressUnavailable
    this.#changed()
    let timedOut = true
    const started = contained(error => this.#over(life, 'crashed', error), async () => await this.channel.start(this.#contextOf(life)))
    started.finally(() => { timedOut = false }).catch(() => {})
    try {
      life.running = await this.#limited(startLimitMs, 'start', started, life.ending.signal)
    } catch (error) {
      // What starts all the same later is stopped: nobody waits for it any more.
      started.then(running => this.#stopBounded(running), () => {})
      if (!life.ending.signal.aborted) this.#over(life, timedOut ? 'start-timeout' : 'start-failed', error)
      return 'failed'
    }
    if (this.#life !== life) {
      await this.#stopBounded(life.running)
      return 'failed'
    }
    facts.running = true
    facts.lifecycle = facts.connected === false ? 'recovering' : 'ready'
    life.forgetTrouble = this.#options.clock.after(stableMs, () => this.#forgetTrouble())
    this.#changed()
    return 'started'
  }

  #forgetTrouble (): void {
    this.facts.reconnectAttempts = 0
    delete this.facts.failedSince
    delete this.facts.lastError
  }

  /** A life that ended by itself. */
  #over (life: Life, reason: RestartReason, error: unknown): void {
    if (this.#life !== life) return
    const { log } = this.#options
    const next = this.facts.terminal ? 'waits for a person' : 'is begun anew'
    outside(() => log.warn({ err: error, reason }, `the account has ended and ${next}`))
    this.#close(life)
    this.facts.lastError = textOf(error)
    if (this.facts.terminal) this.facts.lifecycle = 'stopped'
    else this.#beginLater(reason)
    this.#changed()
  }

  #beginLater (reason: RestartReason): void {
    const { facts } = this
    const { clock, rules, random, log } = this.#options
    const { inMs, isSlow } = nextTry(facts, rules(), clock.now(), random)
    if (isSlow) {
      facts.lifecycle = 'failed'
      facts.failedSince ??= clock.now()
      const cause = facts.lastError ?? reason
      facts.lastError = `restarted ${rules().maxPerHour} times within an hour, next try in ${Math.round(inMs / 60_000)} min: ${cause}`
      outside(() => log.warn({ reason }, `hit ${rules().maxPerHour} restarts/hour limit`))
    } else {
      facts.lifecycle = 'recovering'
      facts.reconnectAttempts++
    }
    facts.restartPending = true
    this.#cancelRestart = clock.after(inMs, () => {
      facts.restartPending = false
      this.#inTurn(async () => {
        if (this.#life || facts.manuallyStopped || facts.lifecycle === 'stopped') return
        this.#count(reason)
        await this.#begin()
      }).catch(() => {})
    })
  }

  #close (life: Life): void {
    this.#life = undefined
    life.forgetTrouble?.()
    life.ending.abort()
    if (life.running) this.#stopBounded(life.running).catch(() => {})
    const { facts } = this
    facts.running = false
    facts.lastStopAt = this.#options.clock.now()
    facts.activeRuns = 0
    if (facts.connected !== undefined) facts.connected = false
  }

  async #stopBounded (running: RunningAccount): Promise<void> {
    const blame = (error: unknown): void => { this.#options.log.warn({ err: error }, 'an account that has ended left something behind') }
    try {
      await this.#limited(stopLimitMs, 'stop', contained(blame, async () => await running.stop()))
    } catch (error) {
      outside(() => blame(error))
    }
  }

  async #end (): Promise<void> {
    const life = this.#life
    this.#callOff()
    if (life) {
      const { running } = life
      delete life.running
      this.#close(life)
      if (running) await this.#stopBounded(running)
    }
    if (this.facts.lifecycle !== 'blocked') this.facts.lifecycle = 'stopped'
    this.#changed()
  }

  #contextOf (life: Life): AccountContext {
    return createContext(this.#options, this.facts, {
      isAlive: () => this.#life === life,
      signal: life.ending.signal,
      changed: () => this.#changed(),
      over: (reason, error) => this.#over(life, reason, error)
    })
  }
}

export const createAccount = (options: AccountOptions): SupervisedAccount => new Account(options)
