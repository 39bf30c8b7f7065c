import type { SendOutcome } from '../../define-channel.ts'
import { NoAnswer } from '../../http/request.ts'
import { Refusal } from './api.ts'

const later = ({ message: reason, retryAfterMs }: Refusal): SendOutcome =>
  ({ kind: 'later', reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })

/** What became of a call that failed. */
export function outcomeOf (error: unknown): SendOutcome {
  if (error instanceof NoAnswer) return { kind: error.mayHaveArrived ? 'unknown' : 'later', reason: error.message }
  if (!(error instanceof Refusal)) return { kind: 'refused', reason: error instanceof Error ? error.message : String(error) }
  const { status, message: reason } = error
  // With another token it would arrive; 503 is said before anything is done.
  if (status === 429 || status === 503 || error.isUnauthorized) return later(error)
  // Something may have been done before it went wrong.
  return status >= 500 ? { kind: 'unknown', reason } : { kind: 'refused', reason }
}
