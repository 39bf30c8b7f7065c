/** The levels of the configuration, pino's numbers for them, and the contract's ids in file records. */

export const logLevels = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const
export type LogLevel = typeof logLevels[number]
export type RecordLevel = Exclude<LogLevel, 'silent'>

const pinoValues: { readonly [level in LogLevel]: number } =
  { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: Infinity }

export const levelValue = (level: LogLevel): number => pinoValues[level]

/** trace 1 … fatal 6. */
export const levelId = (level: RecordLevel): number => pinoValues[level] / 10

/** The level of one of pino's numbers; numbers between two levels count as the lower one. */
export const levelOf = (value: number): RecordLevel => {
  if (value >= 60) return 'fatal'
  if (value >= 50) return 'error'
  if (value >= 40) return 'warn'
  if (value >= 30) return 'info'
  return value >= 20 ? 'debug' : 'trace'
}

/** The one of two levels that lets more through. */
export const moreVerbose = (a: LogLevel, b: LogLevel): LogLevel => levelValue(a) <= levelValue(b) ? a : b
