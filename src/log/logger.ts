/**
 * The gateway's log: pino in front, one console and one file behind. pino writes every record as a line, which is read back as
 * plain data: so serializers, cycles and toJSON are settled once, and what is redacted is exactly what is written.
 */
import { hostname as osHostname } from 'node:os'
import { pino } from 'pino'
import type { Logger } from 'pino'
import { createRedactor } from '../lib/redact.ts'
import type { Redactor } from '../lib/redact.ts'
import { currentTrace } from '../lib/trace-context.ts'
import { createConsoleSink, wantsColors } from './console-sink.ts'
import type { ConsoleStream, ConsoleStyle } from './console-sink.ts'
import { errorFields } from './error-fields.ts'
import { createFileSink } from './file-sink.ts'
import type { FileSink } from './file-sink.ts'
import { levelOf, levelValue, moreVerbose } from './level.ts'
import type { LogLevel, RecordLevel } from './level.ts'
import { cleanRecord, createFileFormat } from './record.ts'
import type { Fields, LogRecord } from './record.ts'
import { createRepeats, repeatKey } from './repeats.ts'

export type { Logger } from 'pino'

export interface LoggingOptions {
  level: LogLevel
  consoleLevel: LogLevel
  /** Unset: pretty on a terminal, compact elsewhere. */
  consoleStyle?: ConsoleStyle
  /** Null: no file. `defaultLogFile` names the usual one. */
  file: string | null
  maxFileBytes: number
  /** What all files of this log may take together. */
  maxTotalBytes: number
  redactPatterns?: readonly string[]
  /** The credentials in use, masked wherever they appear. */
  secrets?: () => Iterable<string>
  now: () => number
  stdout: ConsoleStream
  stderr: ConsoleStream
  isTty: boolean
  /** Console at debug; the file keeps its level. */
  verbose?: boolean
  hostname?: string
  env?: NodeJS.ProcessEnv
  repeatWindowMs?: number
  retryMs?: number
}

export interface LoggingStats {
  /** Records that found no room: in the queue of the file, or on a console that nobody reads. */
  dropped: number
  /** Repeated lines that were only counted. */
  suppressed: number
  bytesWritten: number
  queued: number
  fileFailing: boolean
}

export interface Logging {
  /** The root, for Fastify's `loggerInstance`. */
  readonly logger: Logger
  child (subsystem: string): Logger
  filePath (): string | null
  flush (): Promise<void>
  flushSync (): void
  close (): Promise<void>
  setLevels (levels: { level?: LogLevel, consoleLevel?: LogLevel }): void
  stats (): LoggingStats
  /** Every record that the level of the file lets through, redacted; the result ends it. */
  tap (listener: (record: LogRecord) => void): () => void
  /** One line to stdout beside the records. */
  print (line: string): void
  /** The redactor of this log, for whatever else leaves the process. */
  readonly redactor: Redactor
}

const rootSubsystem = 'gateway'

export function createLogging (options: LoggingOptions): Logging {
  const { now, env = process.env } = options
  const redactor = createRedactor({ patterns: options.redactPatterns, secrets: options.secrets })
  const levels = { file: options.level, console: options.verbose ? moreVerbose(options.consoleLevel, 'debug') : options.consoleLevel }
  const consoleSink = createConsoleSink({
    stdout: options.stdout,
    stderr: options.stderr,
    style: options.consoleStyle ?? (options.isTty ? 'pretty' : 'compact'),
    colors: wantsColors(env, options.isTty)
  })
  const formatLine = createFileFormat(options.hostname ?? osHostname())
  const say = (record: LogRecord): void => consoleSink.write(cleanRecord(record, redactor))
  const fileSink = openFileSink(options, say, formatLine)

  const taps = new Set<(record: LogRecord) => void>()
  const emit = (raw: LogRecord): void => {
    const record = cleanRecord(raw, redactor)
    const value = levelValue(record.level)
    if (value >= levelValue(levels.file)) for (const listener of taps) listener(record)
    if (fileSink && value >= levelValue(levels.file)) fileSink.write(formatLine(record))
    if (value >= levelValue(levels.console)) consoleSink.write(record)
  }
  const repeats = createRepeats({ now, windowMs: options.repeatWindowMs ?? 10_000, emit })
  const lowest = (): LogLevel => fileSink || taps.size > 0 ? moreVerbose(levels.file, levels.console) : levels.console
  const logger = createPino(lowest(), (record, key) => { if (repeats.admit(record, key)) emit(record) }, now)

  const flushSync = (): void => {
    repeats.flush()
    fileSink?.flushSync()
  }
  process.on('exit', flushSync)
  for (const pattern of redactor.refusedPatterns) logger.warn({ pattern }, 'a pattern in logging.redactPatterns is not used: it does not compile or could hang the gateway')

  return {
    logger,
    redactor,
    child: subsystem => logger.child({ subsystem }),
    filePath: () => fileSink?.path() ?? null,
    flush: async () => { await fileSink?.flush() },
    flushSync,
    async close () {
      process.off('exit', flushSync)
      repeats.flush()
      await fileSink?.close()
      consoleSink.close()
    },
    setLevels (changed) {
      levels.file = changed.level ?? levels.file
      if (changed.consoleLevel) levels.console = options.verbose ? moreVerbose(changed.consoleLevel, 'debug') : changed.consoleLevel
      logger.level = lowest()
    },
    tap (listener) {
      taps.add(listener)
      logger.level = lowest()
      return () => {
        taps.delete(listener)
        logger.level = lowest()
      }
    },
    print: line => consoleSink.print(line),
    stats () {
      const file = fileSink?.stats()
      return {
        dropped: (file?.dropped ?? 0) + consoleSink.dropped(),
        suppressed: repeats.suppressed(),
        bytesWritten: file?.bytesWritten ?? 0,
        queued: file?.queued ?? 0,
        fileFailing: file?.failing ?? false
      }
    }
  }
}

type Format = (record: LogRecord) => string

/** A file that cannot be written is said on the console, once when it begins and once when it is over. */
function openFileSink (options: LoggingOptions, say: (record: LogRecord) => void, formatLine: Format): FileSink | null {
  const { file, maxFileBytes, maxTotalBytes, now, retryMs } = options
  if (file === null) return null
  const record = (level: RecordLevel, message: string, fields: Fields): LogRecord =>
    ({ timeMs: now(), level, subsystem: 'gateway/log', message, fields })
  return createFileSink({
    file,
    maxFileBytes,
    maxTotalBytes,
    now,
    retryMs,
    missingLine: missing => formatLine(record('warn', `${missing} log records are missing here: the file was too slow or could not be written`, { missing })),
    onTrouble: (error: NodeJS.ErrnoException) => say(record('error', 'the log file cannot be written; logging goes on here, and in the file when it can again',
      { file, code: error.code, reason: error.message })),
    onRecovered: () => say(record('info', 'the log file is written again', {}))
  })
}

type Accept = (record: LogRecord, key: string | null | undefined) => void

function createPino (level: LogLevel, accept: Accept, now: () => number): Logger {
  const stream = {
    // pino leaves the level and the object of the record here before it calls write.
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 0,
    lastObj: undefined as { [repeatKey]?: string | null } | undefined,
    write (line: string) {
      const { level: _level, subsystem = rootSubsystem, message = '', fields, ...bindings } = JSON.parse(line) as PinoLine
      const trace = currentTrace()
      const merged = { ...bindings, ...fields, ...(trace ? { traceId: trace.traceId, spanId: trace.spanId } : {}) }
      accept({
        timeMs: now(),
        level: levelOf(stream.lastLevel),
        subsystem: String(subsystem),
        message: String(message),
        fields: Object.keys(merged).length > 0 ? merged : null
      }, stream.lastObj?.[repeatKey])
      stream.lastObj = undefined
    }
  }
  return pino({
    level,
    base: null,
    timestamp: false,
    messageKey: 'message',
    nestedKey: 'fields',
    serializers: { err: error => errorFields(error) }
  }, stream)
}

interface PinoLine { level: number, subsystem?: unknown, message?: unknown, fields?: Fields, [binding: string]: unknown }
