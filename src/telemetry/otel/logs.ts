/** Log records in the form of OpenTelemetry. What was said stays here unless the configuration wants it to be sent. */
import type { SpanValue } from '../tracer.ts'
import { keyValues, type KeyValue, type OtlpLog } from './otlp.ts'

/** One record of the log, redacted already. */
export interface LogFact {
  readonly timeMs: number
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal'
  readonly subsystem: string
  readonly message: string
  readonly fields: { readonly [name: string]: unknown } | null
}

const severities = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 } as const

const maxAttributes = 32
/** They stand in places of their own. */
const traceFields = new Set(['traceId', 'spanId', 'traceFlags'])
/** Who talks with whom is nobody's business there. */
const isSessionKey = (value: string): boolean => value.startsWith('agent:')

/** Of an error its code: its message may quote what it failed on. */
function factOf (name: string, value: unknown): readonly [string, SpanValue] | undefined {
  if (typeof value === 'string') return [name, isSessionKey(value) ? 'unknown' : value]
  if (typeof value === 'number' || typeof value === 'boolean') return [name, value]
  const code = (value as { readonly code?: unknown } | null)?.code
  return typeof code === 'string' ? [`${name}.code`, code] : undefined
}

function attributesOf ({ subsystem, fields }: LogFact): KeyValue[] {
  const shown = Object.entries(fields ?? {}).filter(([name]) => !traceFields.has(name)).slice(0, maxAttributes)
  const facts = shown.map(([name, value]) => factOf(name, value)).filter(fact => fact !== undefined)
  return keyValues({ 'openclaw.subsystem': subsystem, ...Object.fromEntries(facts) })
}

const isId = (value: unknown, chars: number): value is string => typeof value === 'string' && value.length === chars && /^[0-9a-f]+$/.test(value)

export function logOf (fact: LogFact, withBody: boolean): OtlpLog {
  const nanos = `${Math.trunc(fact.timeMs)}000000`
  const { traceId, spanId } = fact.fields ?? {}
  return {
    timeUnixNano: nanos,
    observedTimeUnixNano: nanos,
    severityNumber: severities[fact.level],
    severityText: fact.level.toUpperCase(),
    ...(withBody ? { body: { stringValue: fact.message } } : {}),
    attributes: attributesOf(fact),
    ...(isId(traceId, 32) && isId(spanId, 16) ? { traceId, spanId } : {})
  }
}

/** For platforms that collect what a program prints. */
export function logLine (fact: LogFact, withBody: boolean, serviceName: string): string {
  const { severityText, body, attributes, traceId, spanId } = logOf(fact, withBody)
  return JSON.stringify({
    ts: new Date(fact.timeMs).toISOString(),
    signal: 'openclaw.diagnostic.log',
    'service.name': serviceName,
    severity: severityText,
    ...(body ? { body: fact.message } : {}),
    attributes: Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]])),
    ...(traceId ? { traceId, spanId } : {})
  })
}
