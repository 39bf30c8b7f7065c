import type { SendOutcome } from '../../define-channel.ts'
import { Refusal } from './api.ts'
import { NoAnswer } from '../../http/request.ts'

/** Something between the service and us answered in its place. */
function outcomeOfStranger ({ code, message: reason, retryAfterMs }: Refusal): SendOutcome {
  if (code === 429 || code === 503) return { kind: 'later', reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
  // It had handed the request on, and heard nothing in time.
  return code >= 500 ? { kind: 'unknown', reason } : { kind: 'refused', reason }
}

/** What became of a message whose call failed. */
export function outcomeOf (error: unknown): SendOutcome {
  if (error instanceof NoAnswer) return { kind: error.mayHaveArrived ? 'unknown' : 'later', reason: error.message }
  if (!(error instanceof Refusal)) return { kind: 'refused', reason: error instanceof Error ? error.message : String(error) }
  if (!error.isOfService) return outcomeOfStranger(error)
  const { code, message: reason, retryAfterMs } = error
  // With another token it would arrive.
  const isLater = code === 429 || code >= 500 || error.isUnauthorized
  return isLater ? { kind: 'later', reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) } : { kind: 'refused', reason }
}
