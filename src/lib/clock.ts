/** The passing of time, so that a day can pass within a test. */
export interface Clock {
  now (): number
  /** Once, after so long; the result calls it off. Keeps no process alive. */
  after (ms: number, work: () => void): () => void
}

/** Timers that are set for longer than this fire at once. */
const longestTimerMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: Date.now,
  after (ms, work) {
    const timer = setTimeout(work, Math.min(ms, longestTimerMs)).unref()
    return () => clearTimeout(timer)
  }
}
