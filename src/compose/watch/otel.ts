/** OpenTelemetry as the configuration wants it: begun, begun anew and ended while the gateway runs; nothing is loaded without it. */
import type { LoadedConfig } from '../../config/load.ts'
import type { LiveConfig } from '../../config/live-config.ts'
import { createOneAtATime } from '../../lib/one-at-a-time.ts'
import type { Logging } from '../../log/logger.ts'
import type { GatewayMeters } from '../../telemetry/gateway-meters.ts'
import type { Reading } from '../../telemetry/exposition.ts'
import type { Otel, OtelSettings } from '../../telemetry/otel/exporter.ts'
import type { Tracer } from '../../telemetry/tracer.ts'

export interface OtelParts {
  readonly live: LiveConfig
  readonly logging: Logging
  readonly meters: GatewayMeters
  readonly version: string
  readonly bootId: string
  readonly env: { readonly [name: string]: string | undefined }
  readonly now: () => number
}

export interface OtelWatch {
  tracer (): Tracer | undefined
  /** Once the numbers can be read. */
  begin (readings: () => Promise<readonly Reading[]>): void
  close (): Promise<void>
}

const defaultFlushMs = 10_000
const defaultEndpoint = 'http://127.0.0.1:4318'

function urlOf (own: string | undefined, endpoint: string, path: string): URL {
  if (own) return new URL(own)
  const url = new URL(endpoint)
  url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`
  return url
}

/** Undefined when nothing is to be sent; throws what is wrong with an address. */
function settingsOf ({ config }: LoadedConfig, { env, version, bootId }: OtelParts): OtelSettings | undefined {
  const { enabled, otel } = config.diagnostics
  if (!enabled || !otel.enabled || !(otel.traces || otel.metrics || otel.logs)) return undefined
  const endpoint = otel.endpoint ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? defaultEndpoint
  return {
    tracesUrl: otel.traces ? urlOf(otel.tracesEndpoint, endpoint, '/v1/traces') : undefined,
    metricsUrl: otel.metrics ? urlOf(otel.metricsEndpoint, endpoint, '/v1/metrics') : undefined,
    logsUrl: otel.logs && otel.logsExporter !== 'stdout' ? urlOf(otel.logsEndpoint, endpoint, '/v1/logs') : undefined,
    printsLogs: otel.logs && otel.logsExporter !== 'otlp',
    captureContent: otel.captureContent === true,
    protocol: otel.protocol === 'http/json' ? 'http/json' : 'http/protobuf',
    headers: otel.headers ?? {},
    sampleRate: otel.sampleRate ?? 1,
    flushIntervalMs: otel.flushIntervalMs ?? defaultFlushMs,
    metricNamePrefix: otel.metricNamePrefix ?? '',
    resource: {
      'service.name': otel.serviceName ?? (env['OTEL_SERVICE_NAME'] || 'openclaw'), 'service.version': version, 'service.instance.id': bootId
    },
    version
  }
}

export function createOtelWatch (parts: OtelParts): OtelWatch {
  const { live, logging, meters, now } = parts
  const log = logging.child('otel')
  const inTurn = createOneAtATime()
  let readings: (() => Promise<readonly Reading[]>) | undefined
  let otel: Otel | undefined
  let untap: (() => void) | undefined
  let known = ''
  let isClosed = false

  async function settle (): Promise<void> {
    if (isClosed || !readings) return
    const settings = settingsOf(live.current(), parts)
    const wanted = settings ? JSON.stringify(settings) : ''
    if (wanted === known) return
    known = wanted
    const before = otel
    otel = undefined
    untap?.()
    untap = undefined
    await before?.close()
    if (!settings) return
    const { startOtel } = await import('../../telemetry/otel/exporter.ts')
    otel = startOtel({
      settings,
      meters,
      readings,
      redact: logging.redactor.redactText,
      now,
      print: logging.print,
      trouble: (signal, outcome) => log.warn({ signal, outcome }, 'the collector does not take what is sent; nothing else waits for it'),
      recovered: signal => log.info({ signal }, 'the collector takes it again')
    })
    untap = otel.log && logging.tap(otel.log)
    const { protocol } = live.current().config.diagnostics.otel
    if (protocol !== settings.protocol) log.warn({ protocol }, 'diagnostics.otel.protocol is not known here; http/protobuf is used')
  }
  const change = (): void => { inTurn(settle).catch((err: unknown) => log.warn({ err }, 'OpenTelemetry could not be begun: see diagnostics.otel')) }

  return {
    tracer: () => otel?.tracer,
    begin (read) {
      readings = read
      live.onChange(change)
      if (live.current().config.diagnostics.otel.enabled) change()
    },
    close: () => inTurn(async () => {
      isClosed = true
      untap?.()
      await otel?.close()
      otel = undefined
    })
  }
}
