import type { SendOutcome } from '../../define-channel.ts'
import { outcomeWithoutAnswer } from '../../http/request.ts'
import { later, refused } from '../../outcome.ts'
import { Refusal } from './api.ts'

/** Something between the service and us answered in its place. */
function outcomeOfStranger ({ status, message: reason, retryAfterMs }: Refusal): SendOutcome {
  if (status === 429 || status === 503) return later(reason, retryAfterMs)
  // It had handed the request on, and heard nothing in time.
  return status >= 500 ? { kind: 'unknown', reason } : refused(reason)
}

/** What became of a message whose call failed. */
export function outcomeOf (error: unknown): SendOutcome {
  if (!(error instanceof Refusal)) return outcomeWithoutAnswer(error)
  if (!error.isOfService) return outcomeOfStranger(error)
  const { status, message: reason, retryAfterMs } = error
  // With another token it would arrive.
  return status === 429 || status >= 500 || error.isUnauthorized ? later(reason, retryAfterMs) : refused(reason)
}
