/** What became of one try, in the words of SendOutcome. */
import type { SendOutcome } from './define-channel.ts'

export const refused = (reason: string): SendOutcome => ({ kind: 'refused', reason })

export const later = (reason: string, retryAfterMs?: number): SendOutcome =>
  ({ kind: 'later', reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) })
