/** Lines of the log file, as records and as text. */
import { escapeControl } from '../lib/text.ts'
import type { Output, Style } from './output.ts'

export interface LogEntry {
  type: 'log'
  time?: string
  level?: string
  subsystem?: string
  message: string
  raw: string
}

export type ParsedLine = LogEntry | { type: 'raw', raw: string }

interface FileRecord {
  readonly [key: string]: unknown
  _meta?: { date?: string, logLevelName?: string, name?: string }
  time?: string
  message?: string
}

function subsystemOf (record: FileRecord): string | undefined {
  const named = record['0'] ?? record._meta?.name
  if (typeof named !== 'string' || !named.startsWith('{')) return undefined
  try {
    const { subsystem } = JSON.parse(named) as { subsystem?: unknown }
    return typeof subsystem === 'string' ? subsystem : undefined
  } catch {
    return undefined
  }
}

/** The message, and behind it the fields that came with it. */
function messageOf (record: FileRecord): string {
  const parts = Object.keys(record).filter(key => /^\d+$/.test(key)).map(key => record[key])
  const texts = parts.filter((part): part is string => typeof part === 'string' && !part.startsWith('{"subsystem"'))
  const fields = parts.find(part => typeof part === 'object' && part !== null) as { [name: string]: unknown } | undefined
  const suffix = Object.entries(fields ?? {}).map(([name, value]) => ` ${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return `${texts.at(-1) ?? record.message ?? ''}${suffix.join('')}`
}

export function parseLogLine (raw: string): ParsedLine {
  let record: FileRecord
  try {
    record = JSON.parse(raw) as FileRecord
  } catch {
    return { type: 'raw', raw }
  }
  if (typeof record !== 'object' || record === null || !record._meta) return { type: 'raw', raw }
  const time = record.time ?? record._meta.date
  const level = record._meta.logLevelName?.toLowerCase()
  const subsystem = subsystemOf(record)
  return {
    type: 'log',
    ...(time ? { time } : {}),
    ...(level ? { level } : {}),
    ...(subsystem ? { subsystem } : {}),
    message: messageOf(record),
    raw
  }
}

const levelStyles: { readonly [level: string]: Style | undefined } =
  { fatal: 'red', error: 'red', warn: 'yellow', info: 'green', debug: 'dim', trace: 'dim' }

const maxShownCharacters = 8192

export interface LineStyle {
  readonly utc: boolean
}

function timeText (time: string | undefined, { utc }: LineStyle): string {
  if (!time) return '-'
  return utc ? new Date(time).toISOString() : time
}

export function logLineText (line: ParsedLine, style: LineStyle, paint: Output['paint']): string {
  if (line.type === 'raw') return escapeControl(line.raw, maxShownCharacters)
  const level = line.level ?? '-'
  return [
    paint('dim', timeText(line.time, style)),
    paint(levelStyles[level] ?? 'dim', level),
    ...(line.subsystem ? [paint('cyan', escapeControl(line.subsystem))] : []),
    escapeControl(line.message, maxShownCharacters)
  ].join(' ')
}
