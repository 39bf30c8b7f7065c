/** What rooms know of tracing: work in a span. There is a tracer only while somebody collects traces. */

export type SpanValue = string | number | boolean

export interface SpanFacts {
  readonly kind: 'server' | 'client' | 'internal'
  readonly attributes?: { readonly [name: string]: SpanValue | undefined }
  /** What the caller sent along; absent: whatever goes on here. */
  readonly traceparent?: unknown
}

export interface OpenSpan {
  set (attributes: { readonly [name: string]: SpanValue | undefined }): void
  fail (message: string): void
}

export interface Tracer {
  /** The span ends with the work; what the work throws is its failure. */
  span<Result> (name: string, facts: SpanFacts, work: (span: OpenSpan) => Result): Result
}

/** Asked each time: it may have been switched on or off meanwhile. */
export type Tracing = () => Tracer | undefined
