/** What strangers can do as often as they like is written once, and at the end of its minute once more with a count. */
import type { Act } from './act.ts'
import { hasPassed } from '../lib/clock.ts'

export interface Repeats {
  /** False for an act that is only counted. */
  admit (act: Act): boolean
  /** The counts of the minutes that are over, or of all. */
  settle (all?: boolean): Act[]
}

const windowMs = 60_000
const maxKinds = 256

interface Window {
  readonly sinceMs: number
  readonly act: Act
  count: number
}

export function createRepeats (now: () => number): Repeats {
  const windows = new Map<string, Window>()
  const counted = ({ act, count }: Window): Act => {
    const { repeats: _repeats, ...same } = act
    return { ...same, about: { ...act.about, repeated: count } }
  }
  const close = (key: string, window: Window): Act[] => {
    windows.delete(key)
    return window.count > 0 ? [counted(window)] : []
  }
  const isOver = ({ sinceMs }: Window): boolean => hasPassed(sinceMs, windowMs, now())
  let overflow = 0

  return {
    admit (act) {
      const key = act.repeats
      if (key === undefined) return true
      const window = windows.get(key)
      if (window && !isOver(window)) {
        window.count++
        return false
      }
      // So many kinds of strangers at the same time are a flood: it is counted as one.
      if (!window && windows.size >= maxKinds) {
        overflow++
        return false
      }
      windows.set(key, { sinceMs: now(), act, count: window?.count ?? 0 })
      return true
    },
    settle (all = false) {
      const over = [...windows].filter(([, window]) => all || isOver(window)).flatMap(([key, window]) => close(key, window))
      if (overflow === 0) return over
      const flood: Act = { kind: 'auth', act: 'attempts', outcome: 'refused', about: { repeated: overflow } }
      overflow = 0
      return [...over, flood]
    }
  }
}
