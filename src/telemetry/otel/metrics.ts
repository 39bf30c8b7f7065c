/** The numbers in the form of OpenTelemetry: names with dots, times in milliseconds. */
import type { Reading } from '../exposition.ts'
import type { Family, Series } from '../meters.ts'
import { metricTable } from '../names.ts'
import { keyValues, type OtlpMetric, type OtlpPoint } from './otlp.ts'

/** Names of the contract that do not follow from those for Prometheus. */
const named: { readonly [name: string]: string } = {
  openclaw_gateway_rpc_requests_total: 'openclaw.gateway.rpc.requests',
  openclaw_gateway_rpc_handler_seconds: 'openclaw.gateway.rpc.handler_ms',
  openclaw_run_duration_seconds: 'openclaw.run.duration_ms',
  openclaw_model_call_duration_seconds: 'openclaw.model_call.duration_ms',
  openclaw_model_call_total: 'openclaw.model_call',
  openclaw_model_failover_total: 'openclaw.model.failover',
  openclaw_model_tokens_total: 'openclaw.tokens',
  openclaw_model_cost_usd_total: 'openclaw.cost.usd',
  process_start_time_seconds: 'process.start_time',
  openclaw_queue_lane_size: 'openclaw.queue.lane.size',
  openclaw_queue_lane_active: 'openclaw.queue.lane.active',
  openclaw_session_queue_depth: 'openclaw.queue.depth',
  openclaw_tool_execution_duration_seconds: 'openclaw.tool.execution.duration_ms',
  openclaw_tool_execution_total: 'openclaw.tool.execution'
}

/** openclaw_gateway_http_request_seconds → openclaw.gateway.http_request_ms */
const dotted = (name: string): string => named[name] ?? name
  .replace(/^openclaw_/, 'openclaw.').replace(/^openclaw\.(gateway|channel|config|store|audit|log|memory)_/, 'openclaw.$1.')
  .replace(/^process_/, 'process.').replace(/_total$/, '').replace(/_seconds$/, '_ms')

const inMs = (name: string): boolean => /_seconds(_total)?$/.test(name) && !name.startsWith('process_start')

interface Times {
  readonly startNanos: string
  readonly nowNanos: string
}

type LabelValues = { readonly [label: string]: string }

function point (name: string, labels: LabelValues, value: number, { startNanos, nowNanos }: Times, isSum: boolean): OtlpPoint {
  return {
    attributes: keyValues(labels),
    ...(isSum ? { startTimeUnixNano: startNanos } : {}),
    timeUnixNano: nowNanos,
    asDouble: inMs(name) ? value * 1000 : value
  }
}

const labelsOf = ({ labelNames }: Family, { labels }: Series): { [label: string]: string } =>
  Object.fromEntries(labelNames.map((name, index) => [name, labels[index] ?? '']))

function histogramPoint (family: Family, series: Series, { startNanos, nowNanos }: Times): OtlpPoint {
  const factor = inMs(family.name) ? 1000 : 1
  return {
    attributes: keyValues(labelsOf(family, series)),
    startTimeUnixNano: startNanos,
    timeUnixNano: nowNanos,
    count: String(series.count),
    sum: series.sum * factor,
    bucketCounts: Array.from(series.buckets!, String),
    explicitBounds: family.bounds!.map(bound => bound * factor)
  }
}

export function otlpMetrics (families: Iterable<Family>, readings: readonly Reading[], times: Times, prefix = ''): OtlpMetric[] {
  const metrics: OtlpMetric[] = []
  const add = (name: string, kind: Pick<OtlpMetric, 'gauge' | 'sum' | 'histogram'>): void => {
    const { help } = metricTable[name]!
    metrics.push({ name: prefix + dotted(name), description: help, ...(inMs(name) ? { unit: 'ms' } : {}), ...kind })
  }
  const sum = (dataPoints: OtlpPoint[]): Pick<OtlpMetric, 'sum'> => ({ sum: { dataPoints, aggregationTemporality: 2, isMonotonic: true } })
  for (const family of families) {
    const all = [...family.all()]
    if (all.length === 0) continue
    if (family.bounds) {
      const dataPoints = all.map(series => histogramPoint(family, series, times))
      add(family.name, { histogram: { dataPoints, aggregationTemporality: 2 } })
    } else add(family.name, sum(all.map(series => point(family.name, labelsOf(family, series), series.count, times, true))))
  }
  for (const [name, group] of Map.groupBy(readings, reading => reading.name)) {
    const isSum = metricTable[name]!.type === 'counter'
    const dataPoints = group.map(({ labels = {}, value }) => point(name, labels, value, times, isSum))
    add(name, isSum ? sum(dataPoints) : { gauge: { dataPoints } })
  }
  return metrics
}
