/**
 * Which trace this turn of the program belongs to (W3C Trace Context). Nothing is kept and nothing is asked as long as nobody traces:
 * the storage is made with the first trace.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

export interface TraceContext {
  /** 32 and 16 hexadecimal digits. */
  readonly traceId: string
  readonly spanId: string
  readonly sampled: boolean
}

let contexts: AsyncLocalStorage<TraceContext> | undefined

export function withinTrace<Result> (context: TraceContext, work: () => Result): Result {
  contexts ??= new AsyncLocalStorage()
  return contexts.run(context, work)
}

export const currentTrace = (): TraceContext | undefined => contexts?.getStore()

const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const none = /^0+$/

/** Undefined for what is none: a trace then begins here, as the standard wants it. */
export function parseTraceparent (text: unknown): TraceContext | undefined {
  const [, version, traceId, spanId, flags, more] = form.exec(typeof text === 'string' ? text.slice(0, 128).trim() : '') ?? []
  if (traceId === undefined || spanId === undefined || version === 'ff' || none.test(traceId) || none.test(spanId)) return undefined
  if (version === '00' && more !== undefined) return undefined
  return { traceId, spanId, sampled: (parseInt(flags!, 16) & 1) === 1 }
}

export const traceparentOf = ({ traceId, spanId, sampled }: TraceContext): string => `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`

const noHeaders = Object.freeze({})

/** For a request that this turn sends to a provider or a server of tools. */
export function traceHeaders (): { readonly traceparent?: string } {
  const context = currentTrace()
  return context ? { traceparent: traceparentOf(context) } : noHeaders
}
