/** Work that is let finish when an account ends, so that its outcome is known. */
import { setTimeout as sleep } from 'node:timers/promises'

export interface UnderWay {
  track <Result>(work: Promise<Result>): Promise<Result>
  /** Resolves when all of it is over, and not later than after `ms`. */
  settled (ms?: number): Promise<void>
}

const patienceMs = 3000

export function createUnderWay (): UnderWay {
  const all = new Set<Promise<unknown>>()
  return {
    async track (work) {
      all.add(work)
      try {
        return await work
      } finally {
        all.delete(work)
      }
    },
    async settled (ms = patienceMs) {
      const calledOff = new AbortController()
      const patience = sleep(ms, undefined, { ref: false, signal: calledOff.signal }).catch(() => {})
      await Promise.race([Promise.allSettled(all), patience])
      calledOff.abort()
    }
  }
}
