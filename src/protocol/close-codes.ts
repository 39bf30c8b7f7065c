import { truncateUtf8 } from '../lib/text.ts'
import { wireLimits } from './version.ts'

/** Why a socket ends. Codes are the contract's. */
export const closeCodes = {
  /** Unparsable first frame and handshake timeout end without a word. */
  normal: 1000,
  protocolMismatch: 1002,
  policyViolation: 1008,
  tooLarge: 1009,
  internal: 1011,
  serviceRestart: 1012,
  tryAgainLater: 1013,
  /** The credential of this client was rotated, revoked or removed. */
  clientInvalidated: 4001
} as const

/** A close frame has no room for more; a longer reason is cut between characters. */
export const closeReason = (text: string): string => truncateUtf8(text, wireLimits.maxCloseReasonBytes)
