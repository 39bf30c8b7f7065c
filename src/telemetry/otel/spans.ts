/** Spans: who follows whom, which are kept, and when they end. */
import { randomFillSync } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { currentTrace, parseTraceparent, withinTrace, type TraceContext } from '../../lib/trace-context.ts'
import type { OpenSpan, SpanFacts, SpanValue, Tracer } from '../tracer.ts'
import { keyValues, spanKinds, type OtlpSpan } from './otlp.ts'

export interface TracerOptions {
  /** Share of the traces that begin here which is kept; what others began is kept when they keep it. */
  readonly sampleRate: number
  readonly ended: (span: OtlpSpan) => void
  readonly redact: (text: string) => string
}

/** A monotonic clock that begins with the process, as nanoseconds since 1970. */
const nowNanos = (): bigint => BigInt(Math.round(performance.timeOrigin * 1000)) * 1000n + BigInt(Math.round(performance.now() * 1e6))

const idBytes = Buffer.allocUnsafe(24 * 64)
let used = idBytes.length

function newId (bytes: 8 | 16): string {
  if (used + bytes > idBytes.length) {
    randomFillSync(idBytes)
    used = 0
  }
  const id = idBytes.toString('hex', used, used + bytes)
  used += bytes
  return id
}

function contextFor (parent: TraceContext | undefined, sampleRate: number): TraceContext {
  return { traceId: parent?.traceId ?? newId(16), spanId: newId(8), sampled: parent ? parent.sampled : Math.random() < sampleRate }
}

const messageOf = (error: unknown): string => error instanceof Error ? (error as { code?: unknown }).code?.toString() ?? error.name : 'error'

export function createTracer ({ sampleRate, ended, redact }: TracerOptions): Tracer {
  return {
    span (name, facts: SpanFacts, work) {
      const parent = parseTraceparent(facts.traceparent) ?? currentTrace()
      const context = contextFor(parent, sampleRate)
      const startNanos = nowNanos()
      let attributes: { [name: string]: SpanValue | undefined } = { ...facts.attributes }
      let failure: string | undefined
      const open: OpenSpan = {
        set (more) { attributes = { ...attributes, ...more } },
        fail (message) { failure = message }
      }
      const end = (): void => {
        if (!context.sampled) return
        ended({
          traceId: context.traceId,
          spanId: context.spanId,
          ...(parent ? { parentSpanId: parent.spanId } : {}),
          name,
          kind: spanKinds[facts.kind],
          startTimeUnixNano: String(startNanos),
          endTimeUnixNano: String(nowNanos()),
          attributes: keyValues(attributes),
          status: failure === undefined ? { code: 0 } : { code: 2, message: redact(failure).slice(0, 256) },
          flags: 1
        })
      }
      const broke = (error: unknown): never => {
        failure ??= messageOf(error)
        end()
        throw error
      }
      return withinTrace(context, () => {
        try {
          const result = work(open)
          if (result instanceof Promise) return result.then(value => { end(); return value }, broke) as typeof result
          end()
          return result
        } catch (error) {
          return broke(error)
        }
      })
    }
  }
}
