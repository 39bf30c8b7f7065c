/** One log record: how it is made fit to be written down, and its line in the file (ops 6.1). */
import type { Redactor } from '../lib/redact.ts'
import { escapeControl } from '../lib/text.ts'
import type { RecordLevel } from './level.ts'
import { levelId } from './level.ts'
import { localIso } from './local-time.ts'

export interface LogRecord {
  readonly timeMs: number
  readonly level: RecordLevel
  readonly subsystem: string
  readonly message: string
  readonly fields: Fields | null
}
export interface Fields { readonly [name: string]: unknown }

/** A batch of the file sink is 64 KiB; a record may be one. */
export const maxRecordBytes = 65_536
const maxMessageCharacters = 4096
/** What a message may have before it is redacted: the cut comes after, or it could leave half a secret that no rule recognises. */
const maxRawCharacters = 65_536
const maxFieldCharacters = 4096

/** Without credentials and without characters that could forge a line or steer a terminal. */
export function cleanRecord (record: LogRecord, redactor: Redactor): LogRecord {
  const cleanText = (text: string, maxCharacters: number): string =>
    escapeControl(redactor.redactText(text.slice(0, maxRawCharacters)), maxCharacters)
  const fields = record.fields && escapeStrings(redactor.redactValue(record.fields)) as Fields
  return {
    ...record,
    subsystem: cleanText(record.subsystem, 128),
    // Readers of the file show nothing but the message.
    message: record.message === '' && fields ? escapeControl(JSON.stringify(fields), maxMessageCharacters) : cleanText(record.message, maxMessageCharacters),
    fields
  }
}

function escapeStrings (value: unknown): unknown {
  if (typeof value === 'string') return escapeControl(value, maxFieldCharacters)
  if (Array.isArray(value)) return value.map(escapeStrings)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [escapeControl(name, 128), escapeStrings(item)]))
}

/** Fields that log processors filter by stand beside the message, under the names that they know. */
const filterFields: readonly (readonly [field: string, column: string])[] = [
  ['agentId', 'agent_id'], ['sessionKey', 'session_id'], ['sessionId', 'session_id'], ['channel', 'channel'],
  ['traceId', 'traceId'], ['spanId', 'spanId'], ['traceFlags', 'traceFlags']
]

/** Writes records as lines of the log file. The numeric keys are what existing readers of these files look for. */
export function createFileFormat (hostname: string): (record: LogRecord) => string {
  const runtimeVersion = process.versions.node
  const line = (record: LogRecord, fields: Fields | null): string => {
    const name = JSON.stringify({ subsystem: record.subsystem })
    return `${JSON.stringify({
      0: name,
      ...(fields ? { 1: fields, 2: record.message } : { 1: record.message }),
      _meta: {
        runtime: 'node',
        runtimeVersion,
        hostname,
        date: new Date(record.timeMs).toISOString(),
        logLevelId: levelId(record.level),
        logLevelName: record.level.toUpperCase(),
        name,
        parentNames: ['openclaw']
      },
      time: localIso(record.timeMs),
      hostname,
      message: record.message,
      ...columns(fields)
    })}\n`
  }
  return record => {
    const whole = line(record, record.fields)
    const bytes = Buffer.byteLength(whole)
    return bytes <= maxRecordBytes ? whole : line(record, { omittedFieldBytes: bytes })
  }
}

function columns (fields: Fields | null): { [column: string]: string } {
  const found: { [column: string]: string } = {}
  if (!fields) return found
  for (const [field, column] of filterFields) {
    const value = fields[field]
    if (typeof value === 'string') found[column] = value
  }
  return found
}
