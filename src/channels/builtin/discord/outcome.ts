import type { SendOutcome } from '../../define-channel.ts'
import { outcomeWithoutAnswer } from '../../http/request.ts'
import { later, refused } from '../../outcome.ts'
import { Refusal } from './api.ts'

/** What became of a call that failed. */
export function outcomeOf (error: unknown): SendOutcome {
  if (!(error instanceof Refusal)) return outcomeWithoutAnswer(error)
  const { status, message: reason, retryAfterMs } = error
  // With another token it would arrive; 503 is said before anything is done.
  if (status === 429 || status === 503 || error.isUnauthorized) return later(reason, retryAfterMs)
  // Something may have been done before it went wrong.
  return status >= 500 ? { kind: 'unknown', reason } : refused(reason)
}
