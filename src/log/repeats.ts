/** A line that repeats is written once, and at the end of its window once more with a count. */
import type { LogRecord } from './record.ts'
import { hasPassed } from '../lib/clock.ts'

/**
 * A field of this name says what makes two lines the same when their text differs: another text, or null for a line that is
 * never held back. Symbols are not written, so it stays out of the log.
 */
export const repeatKey: unique symbol = Symbol('log.repeatKey')

export interface RepeatsOptions {
  now: () => number
  windowMs: number
  emit: (record: LogRecord) => void
}

export interface Repeats {
  /** False when the record repeats one of this window and is therefore only counted. */
  admit (record: LogRecord, key: string | null | undefined): boolean
  /** Writes all counts now. */
  flush (): void
  suppressed (): number
}

const maxOpenWindows = 512
/** As much as is written of a message: beyond it two lines look the same. */
const maxKeyCharacters = 4096
const maxKeptCharacters = 1024

type Line = Pick<LogRecord, 'level' | 'subsystem' | 'message'>
interface Window { readonly startedMs: number, count: number, line: Line }

/** What the summary needs. A copy, because a part of a string keeps the whole of it alive. */
const lineOf = ({ level, subsystem, message }: LogRecord): Line => ({
  level,
  subsystem,
  message: message.length <= maxKeptCharacters ? message : Buffer.from(message.slice(0, maxKeptCharacters)).toString()
})

export function createRepeats ({ now, windowMs, emit }: RepeatsOptions): Repeats {
  const windows = new Map<string, Window>()
  let suppressed = 0
  let timer: NodeJS.Timeout | null = null

  const close = (key: string, { count, line }: Window): void => {
    windows.delete(key)
    if (count > 0) emit(summary(line, count, windowMs, now()))
  }
  const sweep = (): void => {
    timer = null
    for (const [key, window] of windows) if (hasPassed(window.startedMs, windowMs, now())) close(key, window)
    arm()
  }
  const arm = (): void => {
    if (timer === null && windows.size > 0) timer = setTimeout(sweep, windowMs).unref()
  }
  const open = (key: string, record: LogRecord): void => {
    const oldest = windows.size >= maxOpenWindows ? windows.entries().next().value : undefined
    if (oldest) close(...oldest)
    windows.set(key, { startedMs: now(), count: 0, line: lineOf(record) })
    arm()
  }

  return {
    admit (record, key) {
      // A fatal line is the last one and never waits; without a text there is nothing to compare.
      if (key === null || record.level === 'fatal' || record.message === '') return true
      const id = `${record.level} ${record.subsystem} ${(key ?? record.message).slice(0, maxKeyCharacters)}`
      const window = windows.get(id)
      if (window && !hasPassed(window.startedMs, windowMs, now())) {
        window.count++
        window.line = lineOf(record)
        suppressed++
        return false
      }
      if (window) close(id, window)
      open(id, record)
      return true
    },
    flush () {
      if (timer) clearTimeout(timer)
      timer = null
      for (const [key, window] of windows) close(key, window)
    },
    suppressed: () => suppressed
  }
}

function summary (line: Line, count: number, windowMs: number, timeMs: number): LogRecord {
  const times = `(repeated ${count} ${count === 1 ? 'time' : 'times'} in ${windowMs / 1000} s)`
  return { ...line, timeMs, message: `${line.message} ${times}`, fields: { repeated: count } }
}
