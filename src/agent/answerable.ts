/** Who is answerable for what a run does. */
import type { Message } from '../protocol/transcript.ts'
import { isNote } from '../sessions/note.ts'

/**
 * Does everything that is being answered come from whoever holds the gateway? Looked up in the messages themselves, so that somebody
 * who joins a run, or waits beside its message, takes no right over and takes those of the owner away.
 */
export function isOwners (messages: readonly Message[]): boolean {
  let found = false
  for (const message of messages.toReversed()) {
    if (message.role === 'toolResult') continue
    if (message.role === 'assistant') {
      if (message.stopReason === 'toolUse' || isNote(message)) continue
      break
    }
    // Without a key it is no message of anybody, but a summary or a note.
    if (message.idempotencyKey === undefined) continue
    if (message.__openclaw?.['senderIsOwner'] !== true) return false
    found = true
  }
  return found
}
