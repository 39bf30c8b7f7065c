/** Looks at every account now and then, and begins those anew that are really broken. */
import type { Clock } from '../lib/clock.ts'
import type { Logger } from '../log/logger.ts'
import type { SupervisedAccount } from './account.ts'
import { evaluate, restartReasonOf, type HealthThresholds, type Unwell, type Verdict } from './evaluate.ts'
import { restartsWithinHour } from './restarts.ts'

export interface MonitorSettings extends HealthThresholds {
  /** 0: nobody looks. */
  readonly intervalMs: number
  readonly startupGraceMs: number
  readonly cooldownMs: number
  readonly maxPerHour: number
  /** Tries of its own after which an account counts as having given up. */
  readonly maxAttempts: number
}

export interface MonitorOptions {
  readonly clock: Clock
  readonly log: Logger
  /** Of one account, or what holds for all of them. */
  readonly settings: (account?: SupervisedAccount) => MonitorSettings
  readonly accounts: () => readonly SupervisedAccount[]
  /** The settings of the account allow it to be restarted. */
  readonly isWatched: (account: SupervisedAccount) => boolean
}

export type Skipped = 'unwatched' | 'stopped-by-hand' | 'pending' | 'cool-down' | 'hourly-limit' | 'terminal-disconnect' | 'blocked' | 'held-back'

export interface Monitor {
  /** There may be others now, or they may be told to be looked at more often. */
  accountsChanged (): void
  /** What the last look said of each account, and why an unwell one was left alone. */
  opinionOf (account: SupervisedAccount): { readonly verdict: Verdict, readonly skipped?: Skipped } | undefined
  stop (): void
}

/** A timer that comes so much later than it was set for means that the machine slept. */
const sleptMs = 60_000

/** However rarely accounts are to be looked at: what the settings say is asked so often. */
const askMs = 60_000

const moments = [
  'lastStartAt', 'lastConnectedAt', 'lastTransportActivityAt', 'lastInboundAt', 'lastOutboundAt', 'activeSinceAt', 'lastRunActivityAt', 'wokeAt', 'failedSince'
] as const

const nameOf = ({ facts }: SupervisedAccount): string => `${facts.channel}:${facts.accountId}`

/** Why an unwell account is not begun anew now. */
function reasonToWait (account: SupervisedAccount, reason: Unwell, options: MonitorOptions, lastAt?: number): Skipped | undefined {
  const { facts } = account
  const now = options.clock.now()
  const { cooldownMs, maxPerHour } = options.settings(account)
  if (!options.isWatched(account)) return 'unwatched'
  if (facts.manuallyStopped) return 'stopped-by-hand'
  if (facts.isHeldBack) return 'held-back'
  if (reason === 'terminal-disconnect' || reason === 'blocked') return reason
  // Its own ladder is at it, and knows about the limit.
  if (facts.restartPending) return 'pending'
  if (restartsWithinHour(facts, now) >= maxPerHour) return 'hourly-limit'
  if (lastAt !== undefined && now - lastAt < cooldownMs) return 'cool-down'
  return undefined
}

export function createMonitor (options: MonitorOptions): Monitor {
  const { clock, log, settings, accounts } = options
  const opinions = new Map<SupervisedAccount, { verdict: Verdict, skipped?: Skipped }>()
  const restartedAt = new Map<string, number>()
  const seenAt = new Map<SupervisedAccount, number>()
  const lookedAt = new Map<SupervisedAccount, number>()
  let cancel: (() => void) | undefined
  let isStopped = false

  /** The clock was set back: what has happened later than now would keep every account from growing stale until it is that late again. */
  function forgetFuture (now: number): void {
    log.info('the clock of this machine was set back: channels are judged from now on')
    for (const moment of [restartedAt, seenAt, lookedAt]) moment.clear()
    for (const { facts } of accounts()) {
      for (const name of moments) if ((facts[name] ?? 0) > now) facts[name] = now
    }
  }

  async function look (account: SupervisedAccount): Promise<void> {
    const { facts } = account
    const now = clock.now()
    const verdict = evaluate(facts, settings(account), now)
    if (verdict.healthy) {
      opinions.set(account, { verdict })
      return
    }
    const name = nameOf(account)
    const skipped = reasonToWait(account, verdict.reason, options, restartedAt.get(name))
    if (skipped === 'hourly-limit' && opinions.get(account)?.skipped !== skipped) {
      log.warn({ account: name }, `hit ${settings(account).maxPerHour} restarts/hour limit, skipping`)
    } else if ((skipped === 'blocked' || skipped === 'terminal-disconnect') && opinions.get(account)?.skipped !== skipped) {
      log.info({ account: name }, `skipping restart, ${skipped}`)
    }
    opinions.set(account, { verdict, ...(skipped ? { skipped } : {}) })
    if (skipped) return
    const reason = restartReasonOf(verdict.reason, facts, settings(account).maxAttempts)
    log.warn({ account: name, reason }, 'restarting')
    restartedAt.set(name, now)
    await account.restart(reason)
  }

  /** Undefined: nobody looks at it. Whoever is new has the time of a start-up first. */
  function dueAt (account: SupervisedAccount): number | undefined {
    const { intervalMs, startupGraceMs } = settings(account)
    if (!seenAt.has(account)) seenAt.set(account, clock.now())
    if (intervalMs === 0) return undefined
    const last = lookedAt.get(account)
    return last === undefined ? seenAt.get(account)! + startupGraceMs : last + intervalMs
  }

  async function lookAtAll (): Promise<void> {
    const all = accounts()
    for (const known of seenAt.keys()) if (!all.includes(known)) for (const kept of [seenAt, lookedAt, opinions]) kept.delete(known)
    const now = clock.now()
    const due = all.filter(account => (dueAt(account) ?? Infinity) <= now)
    for (const account of due) {
      if (isStopped) return
      await look(account).catch(err => log.warn({ err, account: nameOf(account) }, 'restart failed'))
    }
    for (const account of due) lookedAt.set(account, clock.now())
  }

  function untilNext (): number {
    const due = accounts().map(dueAt).filter(at => at !== undefined)
    return Math.max(0, Math.min(askMs, ...due.map(at => at - clock.now())))
  }

  function watch (ms: number): void {
    if (isStopped) return
    cancel?.()
    const wakeAt = clock.now() + ms
    cancel = clock.after(ms, () => {
      cancel = undefined
      const now = clock.now()
      if (wakeAt - now > sleptMs) forgetFuture(now)
      if (now - wakeAt > sleptMs) {
        log.info({ lateMs: now - wakeAt }, 'the machine has slept: channels get time to come back')
        for (const { facts } of accounts()) facts.wokeAt = now
        return watch(settings().connectGraceMs)
      }
      lookAtAll().finally(() => watch(untilNext()))
    })
  }

  watch(untilNext())
  return {
    opinionOf: account => opinions.get(account),
    accountsChanged () {
      // While it looks, it plans again by itself.
      if (cancel) watch(untilNext())
    },
    stop () {
      isStopped = true
      cancel?.()
    }
  }
}
