/** Log records on the terminal or in the journal (ops 6.2). */
import type { Fields, LogRecord } from './record.ts'
import { levelValue } from './level.ts'
import { localClock, localIso } from './local-time.ts'

export type ConsoleStyle = 'pretty' | 'compact' | 'json'

/** As much of a stream as the console needs; process.stdout is one. */
export interface ConsoleStream {
  write (text: string): unknown
  readonly writableLength?: number
  on? (event: 'error', listener: (error: Error) => void): unknown
  off? (event: 'error', listener: (error: Error) => void): unknown
}

export interface ConsoleSinkOptions {
  stdout: ConsoleStream
  stderr: ConsoleStream
  style: ConsoleStyle
  colors: boolean
}

export interface ConsoleSink {
  write (record: LogRecord): void
  /** Something else for whoever reads stdout. */
  print (line: string): void
  close (): void
  /** Lines that a stopped or vanished reader did not take. */
  dropped (): number
}

/** A reader that has stopped reading must not fill our memory. */
const maxWaitingBytes = 1_048_576
const maxTailBytes = 2048

export function createConsoleSink ({ stdout, stderr, style, colors }: ConsoleSinkOptions): ConsoleSink {
  const format = formats[style]
  const gone = new Set<ConsoleStream>()
  let dropped = 0
  // A terminal that is closed must not take the gateway with it.
  const watch = [stdout, stderr].map(stream => {
    const onError = (): void => { gone.add(stream) }
    stream.on?.('error', onError)
    return () => { stream.off?.('error', onError) }
  })
  const put = (stream: ConsoleStream, line: string): void => {
    if (gone.has(stream) || (stream.writableLength ?? 0) > maxWaitingBytes) dropped++
    else stream.write(`${line}\n`)
  }
  return {
    write: record => put(levelValue(record.level) >= levelValue('warn') ? stderr : stdout, format(record, colors)),
    print: line => put(stdout, line),
    close: () => watch.forEach(stop => stop()),
    dropped: () => dropped
  }
}

/** Colors when the terminal shows them; NO_COLOR and FORCE_COLOR have the last word. */
export function wantsColors (env: NodeJS.ProcessEnv, isTty: boolean): boolean {
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false'
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false
  return isTty && env.TERM !== 'dumb'
}

const formats: { readonly [style in ConsoleStyle]: (record: LogRecord, colors: boolean) => string } = {
  pretty: (record, colors) => line(localClock(record.timeMs), record, colors),
  compact: (record, colors) => line(localIso(record.timeMs), record, colors),
  json: ({ fields, timeMs, level, subsystem, message }) => JSON.stringify({ ...fields, time: localIso(timeMs), level, subsystem, message })
}

const levelColors = { fatal: 31, error: 31, warn: 33, info: 0, debug: 90, trace: 90 } as const

function line (time: string, record: LogRecord, colors: boolean): string {
  const name = `[${shortSubsystem(record.subsystem)}]`
  const text = record.message + (record.fields && levelValue(record.level) >= levelValue('warn') ? fieldTail(record.fields) : '')
  if (!colors) return `${time} ${name} ${text}`
  const color = levelColors[record.level]
  return `\u001b[90m${time}\u001b[0m \u001b[36m${name}\u001b[0m ${color === 0 ? text : `\u001b[${color}m${text}\u001b[0m`}`
}

/** key=value for the reader who has only the journal. Stacks stay in the file. */
function fieldTail (fields: Fields): string {
  let tail = ''
  for (const [name, value] of Object.entries(fields)) {
    tail += ` ${name}=${fieldText(value)}`
    if (tail.length > maxTailBytes) break
  }
  if (Buffer.byteLength(tail) <= maxTailBytes) return tail
  return `${new TextDecoder().decode(Buffer.from(tail).subarray(0, maxTailBytes - 3), { stream: true })}…`
}

function fieldText (value: unknown): string {
  if (typeof value === 'string') return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)
  return JSON.stringify(value, (key, item: unknown) => key === 'stack' ? undefined : item)
}

const droppedSegments = new Set(['gateway', 'channels', 'providers'])
const channelNames = new Set(('bluebubbles discord feishu googlechat imessage irc line matrix mattermost msteams nostr qqbot signal slack synology-chat ' +
  'telegram tlon twitch webchat webhook whatsapp zalo').split(' '))

/** gateway/channels/telegram/inbound is [telegram], gateway/ws/handshake is [ws/handshake]. */
export function shortSubsystem (subsystem: string): string {
  const segments = subsystem.split('/')
  while (segments.length > 1 && droppedSegments.has(segments[0] ?? '')) segments.shift()
  const first = segments[0] ?? ''
  return channelNames.has(first) ? first : segments.slice(-2).join('/')
}
