/** Sends traces, metrics and log records to a collector. Loaded when the configuration asks for it; everything it keeps is bounded. */
import type { GatewayMeters } from '../gateway-meters.ts'
import type { Reading } from '../exposition.ts'
import type { Tracer } from '../tracer.ts'
import { createBatches } from './batches.ts'
import { deliver, type DeliveryOptions, type DeliveryOutcome } from './delivery.ts'
import { logLine, logOf, type LogFact } from './logs.ts'
import { otlpMetrics } from './metrics.ts'
import { keyValues, logsBody, metricsBody, traceBody, type OtlpLog, type OtlpProtocol, type OtlpSpan, type Origin } from './otlp.ts'
import { createTracer } from './spans.ts'

export interface OtelSettings {
  readonly tracesUrl: URL | undefined
  readonly metricsUrl: URL | undefined
  readonly logsUrl: URL | undefined
  /** Records are printed too, or instead. */
  readonly printsLogs: boolean
  /** Texts may leave this machine. */
  readonly captureContent: boolean
  readonly protocol: OtlpProtocol
  readonly headers: { readonly [name: string]: string }
  readonly sampleRate: number
  readonly flushIntervalMs: number
  readonly metricNamePrefix: string
  readonly resource: { readonly [name: string]: string }
  readonly version: string
}

export type Signal = 'traces' | 'metrics' | 'logs'

export interface OtelOptions {
  readonly settings: OtelSettings
  readonly meters: GatewayMeters
  readonly readings: () => Promise<readonly Reading[]>
  readonly redact: (text: string) => string
  readonly now: () => number
  /** One line to stdout. */
  readonly print: (line: string) => void
  /** Said once when it begins and once when it is over. */
  readonly trouble: (signal: Signal, outcome: DeliveryOutcome) => void
  readonly recovered: (signal: Signal) => void
}

export interface Otel {
  readonly tracer: Tracer | undefined
  /** Undefined when log records are not wanted. */
  readonly log: ((fact: LogFact) => void) | undefined
  /** Sends what there is, within a second. */
  close (): Promise<void>
}

const longestPauseMs = 60_000
const lastWordsMs = 1_000

export function startOtel (options: OtelOptions): Otel {
  const { settings, meters, readings, now, trouble, recovered } = options
  const { tracesUrl, metricsUrl, logsUrl, protocol, flushIntervalMs } = settings
  const origin: Origin = { resource: { attributes: keyValues(settings.resource) }, scope: { name: 'openclaw-gateway', version: settings.version } }
  const startNanos = `${now()}000000`
  const failing = new Set<Signal>()
  let sending: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let failures = 0
  const ending = new AbortController()
  let isClosed = false

  async function send (signal: Signal, url: URL, body: Buffer): Promise<DeliveryOutcome> {
    const contentType = protocol === 'http/json' ? 'application/json' : 'application/x-protobuf'
    const { headers } = settings
    const delivery: DeliveryOptions = { url, headers, contentType, signal: ending.signal, ...(isClosed ? { timeoutMs: lastWordsMs } : {}) }
    const outcome = await deliver(body, delivery)
    meters.exports.add(1, signal, outcome)
    if (outcome === 'sent' && failing.delete(signal)) recovered(signal)
    if (outcome !== 'sent' && !failing.has(signal)) {
      failing.add(signal)
      trouble(signal, outcome)
    }
    return outcome
  }

  const spans = tracesUrl && createBatches<OtlpSpan>({
    send: batch => send('traces', tracesUrl, traceBody(batch, origin, protocol)),
    dropped: () => meters.exports.add(1, 'traces', 'dropped')
  })
  const logs = logsUrl && createBatches<OtlpLog>({
    send: batch => send('logs', logsUrl, logsBody(batch, origin, protocol)),
    dropped: () => meters.exports.add(1, 'logs', 'dropped')
  })

  async function sendAll (what: 'all' | 'batches'): Promise<void> {
    let isReached = spans === undefined || await spans.flush()
    if (logs && !await logs.flush()) isReached = false
    if (metricsUrl && what === 'all') {
      const read = await readings()
      const metrics = otlpMetrics(meters.all.families(), read, { startNanos, nowNanos: `${now()}000000` }, settings.metricNamePrefix)
      if (await send('metrics', metricsUrl, metricsBody(metrics, origin, protocol)) === 'unreachable') isReached = false
    }
    failures = isReached ? 0 : failures + 1
  }

  function begin (what: 'all' | 'batches'): void {
    sending ??= sendAll(what).catch(() => { failures++ }).finally(() => { sending = undefined })
  }
  function schedule (): void {
    const pauseMs = Math.min(Math.max(longestPauseMs, flushIntervalMs), flushIntervalMs * 2 ** Math.min(failures, 6))
    timer = setTimeout(() => {
      begin('all')
      void sending?.finally(() => { if (!isClosed) schedule() })
    }, pauseMs).unref()
  }
  schedule()

  const isCalm = (): boolean => failures === 0

  function ended (span: OtlpSpan): void {
    if (isClosed) return
    spans!.push(span)
    if (spans!.isDue() && isCalm()) begin('batches')
  }

  function log (fact: LogFact): void {
    if (isClosed) return
    if (settings.printsLogs) options.print(logLine(fact, settings.captureContent, settings.resource['service.name'] ?? ''))
    if (!logs) return
    logs.push(logOf(fact, settings.captureContent))
    if (logs.isDue() && isCalm()) begin('batches')
  }

  return {
    tracer: tracesUrl ? createTracer({ sampleRate: settings.sampleRate, ended, redact: options.redact }) : undefined,
    log: logs || settings.printsLogs ? log : undefined,
    async close () {
      isClosed = true
      clearTimeout(timer)
      const last = (async () => {
        await sending
        await sendAll('all')
      })().catch(() => {})
      await Promise.race([last, new Promise(resolve => setTimeout(resolve, 2 * lastWordsMs).unref())])
      ending.abort()
    }
  }
}
