/** When the same model is asked again after a failure that may pass. */
import type { ProviderError } from './model.ts'

const firstDelayMs = 1000
const longestDelayMs = 30_000
/** For failures other than a rate limit: all retries of one step together. */
const budgetMs = 90_000
const mostAttempts = { rateLimit: 10, other: 9, unreachable: 4 }
/** A provider that says to come back later than this will not serve this step. */
const longestRetryAfterMs = 120_000

const passing: ReadonlySet<ProviderError['kind']> = new Set(['overloaded', 'timeout', 'server_error', 'network'])

export interface Failures {
  readonly error: ProviderError
  /** How often the model was asked in this step. */
  readonly attempts: number
  readonly elapsedMs: number
  /** From 0 to 1; keeps clients that failed together from coming back together. */
  readonly jitter: number
}

/** Undefined: asking again is of no use. */
export function retryDelayMs ({ error, attempts, elapsedMs, jitter }: Failures): number | undefined {
  const limited = error.kind === 'rate_limit'
  if (!limited && !passing.has(error.kind)) return undefined
  if (attempts >= mostAttempts[limited ? 'rateLimit' : isUnreachable(error) ? 'unreachable' : 'other']) return undefined
  const floorMs = error.retryAfterMs ?? 0
  if (floorMs > longestRetryAfterMs) return undefined
  const backoffMs = Math.min(longestDelayMs, firstDelayMs * 2 ** (attempts - 1))
  const delayMs = Math.max(floorMs, Math.round(backoffMs * (0.75 + 0.25 * jitter)))
  return !limited && elapsedMs + delayMs > budgetMs ? undefined : delayMs
}

/** Nobody is there, or there is no such name: a person waits for this answer, and a server that restarts is back soon or not at all. */
const isUnreachable = ({ cause }: ProviderError): boolean => /^(ECONNREFUSED|ENOTFOUND)$/.test((cause as NodeJS.ErrnoException | undefined)?.code ?? '')
