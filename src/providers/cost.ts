/** What a step cost, from the price table of its model. */
import type { Usage } from '../protocol/transcript.ts'
import type { ModelCost } from './model.ts'

const perToken = 1 / 1_000_000

/** `input` of a usage never contains the cached tokens, so each token has one price. Without prices there is no cost, not zero. */
export function withCost (usage: Usage, prices: ModelCost | undefined): Usage {
  if (!prices) return usage
  const input = usage.input * prices.input * perToken
  const output = usage.output * prices.output * perToken
  const cacheRead = usage.cacheRead * prices.cacheRead * perToken
  const cacheWrite = usage.cacheWrite * prices.cacheWrite * perToken
  return { ...usage, cost: { input, output, cacheRead, cacheWrite, total: input + output + cacheRead + cacheWrite } }
}

export interface ReportedUsage {
  /** Everything that was read, cached or not. */
  readonly prompt?: unknown
  readonly completion?: unknown
  readonly cacheRead?: unknown
  readonly cacheWrite?: unknown
  readonly total?: unknown
}

/** Servers leave counts out, or report more cached than read; what comes out is never negative and never NaN. */
export function normalUsage (reported: ReportedUsage): Usage {
  const cacheRead = countOf(reported.cacheRead)
  const cacheWrite = countOf(reported.cacheWrite)
  const output = countOf(reported.completion)
  const input = Math.max(0, countOf(reported.prompt) - cacheRead - cacheWrite)
  return { input, output, cacheRead, cacheWrite, totalTokens: countOf(reported.total) || input + output + cacheRead + cacheWrite }
}

const countOf = (value: unknown): number => typeof value === 'number' && Number.isFinite(value) && value > 0 ? Math.round(value) : 0
