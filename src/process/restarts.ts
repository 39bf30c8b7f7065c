/** Beginning anew without cutting anybody off: a restart that is wished for waits until nothing runs, though not for ever. */
import type { RestartAnswer, RestartRequest } from '../config/reloads.ts'

export interface RestartsOptions {
  /** Runs that are at work or wait for their turn. */
  readonly busy: () => number
  /** How long they may take; 0: as long as they like. */
  readonly deferralMs: () => number
  readonly begin: (reason: string) => void
  readonly say: (text: string) => void
  readonly now: () => number
  /** When this life was begun by a restart. */
  readonly restartedAtMs?: number | undefined
}

export interface Restarts {
  request (request: RestartRequest): RestartAnswer
  close (): void
}

const pollMs = 250
const remindMs = 30_000
/** Whoever restarts in a circle does it slowly. */
const coolDownMs = 30_000
/** For the answer to whoever asked. */
const answerMs = 100

interface Waiting { request: RestartRequest, readonly sinceMs: number, notBeforeMs: number, remindedMs: number }

export function createRestarts ({ busy, deferralMs, begin, say, now, restartedAtMs }: RestartsOptions): Restarts {
  let waiting: Waiting | undefined
  let timer: NodeJS.Timeout | undefined

  function done (): void {
    clearInterval(timer)
    timer = undefined
    waiting = undefined
  }

  function look (): void {
    if (!waiting || now() < waiting.notBeforeMs) return
    const { request: { reason, force, stillNeeded }, sinceMs } = waiting
    if (stillNeeded && !stillNeeded()) {
      say(`restart is needless by now (${reason})`)
      return done()
    }
    const running = force ? 0 : busy()
    const isOver = deferralMs() > 0 && now() - sinceMs >= deferralMs()
    if (running > 0 && !isOver) {
      if (now() - waiting.remindedMs < remindMs) return
      waiting.remindedMs = now()
      return say(`restart waits for ${running} ${running === 1 ? 'run' : 'runs'} (${reason})`)
    }
    done()
    say(running > 0 ? `restarting although ${running} still run: the time for them is over` : 'all operations and replies completed; restarting gateway now')
    begin(reason)
  }

  function join (earlier: Waiting, { reason, force, stillNeeded }: RestartRequest): void {
    const before = earlier.request
    if (force) earlier.notBeforeMs = Math.min(earlier.notBeforeMs, now() + answerMs)
    earlier.request = {
      reason,
      force: before.force === true || force === true,
      ...(before.stillNeeded && stillNeeded ? { stillNeeded: () => before.stillNeeded!() || stillNeeded() } : {})
    }
  }

  return {
    request (request) {
      const coolMs = request.force || restartedAtMs === undefined ? 0 : Math.max(0, restartedAtMs + coolDownMs - now())
      if (waiting) {
        join(waiting, request)
        return { delayMs: Math.max(0, waiting.notBeforeMs - now()), coalesced: true }
      }
      const delayMs = Math.max(answerMs, coolMs)
      waiting = { request, sinceMs: now(), notBeforeMs: now() + delayMs, remindedMs: now() }
      timer = setInterval(look, pollMs).unref()
      return { delayMs, coalesced: false }
    },
    close: done
  }
}
