/**
 * After several starts that ended without a word, nothing begins by itself for a while: the gateway answers, and what may have ended it
 * over and over waits until somebody has looked, or until enough time has passed. Loaded only then.
 */
import type { Clock } from '../lib/clock.ts'

export interface UncleanStarts {
  /** How many there were, and within which time. */
  readonly count: number
  readonly windowMs: number
  /** Until there were fewer than it takes within that time. */
  readonly liftsInMs: number
}

export interface CrashLoopFacts {
  readonly tripped: true
  readonly uncleanStarts: number
  readonly windowMs: number
  readonly liftsAtMs: number
  readonly suppressed: readonly string[]
  /** What it means and what to do, for people. */
  readonly message: string
}

export interface CrashLoop {
  /** Undefined once it is over. */
  facts (): CrashLoopFacts | undefined
  /** When it is over, what was held back begins. */
  onLift (work: () => void): void
  close (): void
}

export interface CrashLoopOptions {
  readonly found: UncleanStarts
  readonly clock: Clock
  readonly log: { warn (text: string): void, info (text: string): void, error (fields: { err: unknown }, text: string): void }
}

const suppressed = ['channels', 'cron', 'heartbeats', 'plugin-services'] as const

export function createCrashLoop ({ found: { count, windowMs, liftsInMs }, clock, log }: CrashLoopOptions): CrashLoop {
  const liftsAtMs = clock.now() + liftsInMs
  const message = `restart-loop breaker tripped: ${count} unclean boot(s) within ${windowMs}ms; channels, jobs, heartbeats and services of plugins ` +
    `do not begin by themselves until ${new Date(liftsAtMs).toISOString()}. See why it ended: openclaw logs --limit 200. ` +
    'Begin a channel all the same: openclaw channels start --channel NAME; begin everything: openclaw gateway restart'
  let facts: CrashLoopFacts | undefined = { tripped: true, uncleanStarts: count, windowMs, liftsAtMs, suppressed, message }
  const waiting: Array<() => void> = []
  log.warn(message)

  const cancel = clock.after(liftsInMs, () => {
    facts = undefined
    log.info('restart-loop breaker recovered: the time of the unclean boots is over; what was held back begins now')
    for (const work of waiting.splice(0)) {
      try {
        work()
      } catch (err) {
        log.error({ err }, 'what was held back could not begin')
      }
    }
  })
  return {
    facts: () => facts,
    onLift: work => { waiting.push(work) },
    close () {
      cancel()
      waiting.length = 0
    }
  }
}
