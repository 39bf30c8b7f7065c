/** What is sent to a collector: the requests of OTLP, as objects in their JSON form, and the numbers of their fields. */
import { encode, type Schema } from './protobuf.ts'
import type { SpanValue } from '../tracer.ts'

export type AnyValue = { stringValue: string } | { boolValue: boolean } | { intValue: string } | { doubleValue: number }
export interface KeyValue { key: string, value: AnyValue }

export interface OtlpSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  kind: number
  startTimeUnixNano: string
  endTimeUnixNano: string
  attributes: KeyValue[]
  status: { code: number, message?: string }
  flags: number
}

export interface OtlpLog {
  timeUnixNano: string
  observedTimeUnixNano: string
  severityNumber: number
  severityText: string
  body?: AnyValue
  attributes: KeyValue[]
  traceId?: string
  spanId?: string
}

export interface OtlpPoint {
  attributes: KeyValue[]
  startTimeUnixNano?: string
  timeUnixNano: string
  asDouble?: number
  count?: string
  sum?: number
  bucketCounts?: string[]
  explicitBounds?: number[]
}

export interface OtlpMetric {
  name: string
  description: string
  unit?: string
  gauge?: { dataPoints: OtlpPoint[] }
  sum?: { dataPoints: OtlpPoint[], aggregationTemporality: 2, isMonotonic: true }
  histogram?: { dataPoints: OtlpPoint[], aggregationTemporality: 2 }
}

export interface Origin {
  readonly resource: { attributes: KeyValue[] }
  readonly scope: { name: string, version: string }
}

export const spanKinds = { internal: 1, server: 2, client: 3 } as const

const anyValue: Schema = { stringValue: [1, 'string'], boolValue: [2, 'bool'], intValue: [3, 'int'], doubleValue: [4, 'double'] }
const keyValue: Schema = { key: [1, 'string'], value: [2, anyValue] }
const resource: Schema = { attributes: [1, [keyValue]] }
const scope: Schema = { name: [1, 'string'], version: [2, 'string'] }
const span: Schema = {
  traceId: [1, 'hex'],
  spanId: [2, 'hex'],
  parentSpanId: [4, 'hex'],
  name: [5, 'string'],
  kind: [6, 'int'],
  startTimeUnixNano: [7, 'fixed64'],
  endTimeUnixNano: [8, 'fixed64'],
  attributes: [9, [keyValue]],
  status: [15, { message: [2, 'string'], code: [3, 'int'] }],
  flags: [16, 'fixed32']
}
const numberPoint: Schema = {
  startTimeUnixNano: [2, 'fixed64'], timeUnixNano: [3, 'fixed64'], asDouble: [4, 'double'], attributes: [7, [keyValue]]
}
const histogramPoint: Schema = {
  startTimeUnixNano: [2, 'fixed64'],
  timeUnixNano: [3, 'fixed64'],
  count: [4, 'fixed64'],
  sum: [5, 'double'],
  bucketCounts: [6, 'fixed64s'],
  explicitBounds: [7, 'doubles'],
  attributes: [9, [keyValue]]
}
const metric: Schema = {
  name: [1, 'string'],
  description: [2, 'string'],
  unit: [3, 'string'],
  gauge: [5, { dataPoints: [1, [numberPoint]] }],
  sum: [7, { dataPoints: [1, [numberPoint]], aggregationTemporality: [2, 'int'], isMonotonic: [3, 'bool'] }],
  histogram: [9, { dataPoints: [1, [histogramPoint]], aggregationTemporality: [2, 'int'] }]
}
const traceRequest: Schema = {
  resourceSpans: [1, [{ resource: [1, resource], scopeSpans: [2, [{ scope: [1, scope], spans: [2, [span]] }]] }]]
}
const metricsRequest: Schema = {
  resourceMetrics: [1, [{ resource: [1, resource], scopeMetrics: [2, [{ scope: [1, scope], metrics: [2, [metric]] }]] }]]
}

const logRecord: Schema = {
  timeUnixNano: [1, 'fixed64'],
  severityNumber: [2, 'int'],
  severityText: [3, 'string'],
  body: [5, anyValue],
  attributes: [6, [keyValue]],
  traceId: [9, 'hex'],
  spanId: [10, 'hex'],
  observedTimeUnixNano: [11, 'fixed64']
}
const logsRequest: Schema = {
  resourceLogs: [1, [{ resource: [1, resource], scopeLogs: [2, [{ scope: [1, scope], logRecords: [2, [logRecord]] }]] }]]
}

export type OtlpProtocol = 'http/protobuf' | 'http/json'

const body = (request: object, schema: Schema, protocol: OtlpProtocol): Buffer =>
  protocol === 'http/json' ? Buffer.from(JSON.stringify(request)) : encode(request as never, schema)

export const traceBody = (spans: readonly OtlpSpan[], { resource, scope }: Origin, protocol: OtlpProtocol): Buffer =>
  body({ resourceSpans: [{ resource, scopeSpans: [{ scope, spans }] }] }, traceRequest, protocol)

export const metricsBody = (metrics: readonly OtlpMetric[], { resource, scope }: Origin, protocol: OtlpProtocol): Buffer =>
  body({ resourceMetrics: [{ resource, scopeMetrics: [{ scope, metrics }] }] }, metricsRequest, protocol)

export const logsBody = (logRecords: readonly OtlpLog[], { resource, scope }: Origin, protocol: OtlpProtocol): Buffer =>
  body({ resourceLogs: [{ resource, scopeLogs: [{ scope, logRecords }] }] }, logsRequest, protocol)

const maxTextChars = 256

function valueOf (value: SpanValue): AnyValue {
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'string') return { stringValue: value.slice(0, maxTextChars) }
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}

export const keyValues = (attributes: { readonly [name: string]: SpanValue | undefined }): KeyValue[] =>
  Object.entries(attributes).flatMap(([key, value]) => value === undefined ? [] : [{ key, value: valueOf(value) }])
