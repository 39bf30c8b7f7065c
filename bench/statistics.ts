/** The middle value; of an even count, the mean of the two in the middle. */
export function median (values: readonly number[]): number {
  if (values.length === 0) return NaN
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Nearest rank: the smallest value that at least `p` per cent of the values do not exceed. */
export function percentile (values: readonly number[], p: number): number {
  if (values.length === 0) return NaN
  return rank(Float64Array.from(values).sort(), p)
}

const rank = (sorted: Float64Array, p: number): number =>
  sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((p / 100) * sorted.length) - 1))]!

export interface Latencies {
  readonly count: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export function summarize (valuesMs: readonly number[]): Latencies {
  const sorted = Float64Array.from(valuesMs).sort()
  if (sorted.length === 0) return { count: 0, p50Ms: NaN, p95Ms: NaN, p99Ms: NaN, maxMs: NaN }
  return { count: sorted.length, p50Ms: rank(sorted, 50), p95Ms: rank(sorted, 95), p99Ms: rank(sorted, 99), maxMs: sorted[sorted.length - 1]! }
}
