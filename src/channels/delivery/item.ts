/** One message on its way out, as it lies in the store. */
import type { MessageTemplate } from '../../tools/messages/port.ts'

export interface OutboundItem {
  readonly id: string
  readonly channel: string
  readonly accountId: string
  readonly chatId: string
  readonly threadId?: string
  readonly text: string
  readonly media?: { readonly kind: 'image' | 'audio' | 'video' | 'file', readonly mimeType: string, readonly name?: string, readonly base64: string }
  /** In place of the text, which then says so for people who look into the queue. */
  readonly template?: MessageTemplate
  readonly replyTo?: string
  readonly isSilent?: boolean
  /** A message of ours that becomes this one: what was shown of the reply while it was written. */
  readonly replaces?: string
  readonly runId?: string
  readonly createdAtMs: number
  /** `parked` and `dead` wait for a person: nobody knows whether the first arrived, or it is too old; the second was refused for good. */
  readonly state: 'queued' | 'parked' | 'dead'
  readonly reason?: string
  /** Parts that have arrived, and what the service calls them. */
  readonly messageIds: readonly string[]
  /** A part was about to be sent: after a crash nobody knows whether it was. */
  readonly isSending?: true
  /** Until then the service recognises what it has got already, so that not knowing does no harm. */
  readonly repeatUntilMs?: number
  /** Tries of the part that is next, with those of which nobody knows how they ended. */
  readonly attempts: number
}

export type NewItem = Omit<OutboundItem, 'createdAtMs' | 'state' | 'messageIds' | 'attempts' | 'reason' | 'isSending' | 'repeatUntilMs'>

export const maxTextChars = 200_000
