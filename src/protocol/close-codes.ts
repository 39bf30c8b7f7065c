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

const encoder = new TextEncoder()

/** A close reason may hold 123 bytes of UTF-8; a longer one is cut between characters. */
export function closeReason (text: string, maxBytes = 123): string {
  if (text.length * 3 <= maxBytes) return text
  let used = 0
  let out = ''
  for (const character of text) {
    used += encoder.encode(character).length
    if (used > maxBytes) break
    out += character
  }
  return out
}
