/** Sends traces and metrics to a collector. Loaded when the configuration asks for it; everything it keeps is bounded. */
import type { GatewayMeters } from '../gateway-meters.ts'
import type { Reading } from '../exposition.ts'
import type { Tracer } from '../tracer.ts'
import { deliver, type DeliveryOptions, type DeliveryOutcome } from './delivery.ts'
import { otlpMetrics } from './metrics.ts'
import { keyValues, metricsBody, traceBody, type OtlpProtocol, type OtlpSpan, type Origin } from './otlp.ts'
import { createTracer } from './spans.ts'

export interface OtelSettings {
  readonly tracesUrl: URL | undefined
  readonly metricsUrl: URL | undefined
  readonly protocol: OtlpProtocol
  readonly headers: { readonly [name: string]: string }
  readonly sampleRate: number
  readonly flushIntervalMs: number
  readonly metricNamePrefix: string
  readonly resource: { readonly [name: string]: string }
  readonly version: string
}

export interface OtelOptions {
  readonly settings: OtelSettings
  readonly meters: GatewayMeters
  readonly readings: () => Promise<readonly Reading[]>
  readonly redact: (text: string) => string
  readonly now: () => number
  /** Said once when it begins and once when it is over. */
  readonly trouble: (signal: 'traces' | 'metrics', outcome: DeliveryOutcome) => void
  readonly recovered: (signal: 'traces' | 'metrics') => void
}

export interface Otel {
  readonly tracer: Tracer | undefined
  /** Sends what there is, within a second. */
  close (): Promise<void>
}

const maxSpans = 4096
const batchSpans = 512
const longestPauseMs = 60_000
const lastWordsMs = 1_000

export function startOtel (options: OtelOptions): Otel {
  const { settings, meters, readings, now, trouble, recovered } = options
  const { tracesUrl, metricsUrl, protocol, flushIntervalMs } = settings
  const origin: Origin = { resource: { attributes: keyValues(settings.resource) }, scope: { name: 'openclaw-gateway', version: settings.version } }
  const startNanos = `${now()}000000`
  const failing = new Set<'traces' | 'metrics'>()
  let spans: OtlpSpan[] = []
  let sending: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let failures = 0
  const ending = new AbortController()
  let isClosed = false

  async function send (signal: 'traces' | 'metrics', url: URL, body: Buffer): Promise<DeliveryOutcome> {
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

  async function sendSpans (url: URL): Promise<boolean> {
    while (spans.length > 0) {
      const batch = spans.slice(0, batchSpans)
      spans = spans.slice(batchSpans)
      if (await send('traces', url, traceBody(batch, origin, protocol)) !== 'unreachable') continue
      // It may be taken later; what comes meanwhile is worth more than what is old.
      spans = [...batch, ...spans].slice(-maxSpans)
      return false
    }
    return true
  }

  async function sendAll (what: 'all' | 'spans'): Promise<void> {
    let isReached = tracesUrl === undefined || await sendSpans(tracesUrl)
    if (metricsUrl && what === 'all') {
      const read = await readings()
      const metrics = otlpMetrics(meters.all.families(), read, { startNanos, nowNanos: `${now()}000000` }, settings.metricNamePrefix)
      if (await send('metrics', metricsUrl, metricsBody(metrics, origin, protocol)) === 'unreachable') isReached = false
    }
    failures = isReached ? 0 : failures + 1
  }

  function begin (what: 'all' | 'spans'): void {
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

  function ended (span: OtlpSpan): void {
    if (isClosed) return
    if (spans.length >= maxSpans) {
      spans.shift()
      meters.exports.add(1, 'traces', 'dropped')
    }
    spans.push(span)
    if (spans.length >= batchSpans && failures === 0) begin('spans')
  }

  return {
    tracer: tracesUrl ? createTracer({ sampleRate: settings.sampleRate, ended, redact: options.redact }) : undefined,
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
