/** The passing of time, so that a day can pass within a test. */
export interface Clock {
  now (): number
  /** Once, after so long; the result calls it off. Keeps no process alive. */
  after (ms: number, work: () => void): () => void
}

/**
 * Only ever grows, however the clock of the machine is set: for spans within one process. It looks like a time, so that it can stand
 * where one is expected, and is none to be kept.
 */
export const steadyNow = (): number => Math.floor(performance.timeOrigin + performance.now())

/** A clock that goes back by less is being corrected; one that goes back by more was set. */
const correctionMs = 60_000

/** What is left of a span that ends at a moment. Where the clock was set back to before it began, nobody knows, so nothing is left. */
export const leftUntil = (untilMs: number, spanMs: number, nowMs: number): number =>
  untilMs - nowMs > spanMs + correctionMs ? 0 : Math.max(0, untilMs - nowMs)

/** So long has passed since then, or the clock was set back meanwhile. */
export const hasPassed = (sinceMs: number, spanMs: number, nowMs: number): boolean => leftUntil(sinceMs + spanMs, spanMs, nowMs) === 0

/** Timers that are set for longer than this fire at once. */
const longestTimerMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: Date.now,
  after (ms, work) {
    const timer = setTimeout(work, Math.min(ms, longestTimerMs)).unref()
    return () => clearTimeout(timer)
  }
}
