/** Replies that go to a chat of a service: where two of them may be one, and what the conversation remembers of the place. */
import type { ReplyAddress } from '../channels/replies/reply.ts'
import type { SessionRecord } from '../sessions/record.ts'
import type { RunRequest } from './room.ts'

/** Replies to both would go to the same place. */
export const isSamePlace = (a: ReplyAddress | undefined, b: ReplyAddress | undefined): boolean =>
  a?.channel === b?.channel && a?.accountId === b?.accountId && a?.to === b?.to && a?.threadId === b?.threadId

/** What the row of a conversation says of where it was spoken last. */
export function placePatch ({ deliver, via, origin = {} }: RunRequest): Partial<SessionRecord> {
  if (!deliver || via !== 'channel') return {}
  const { channel, accountId, to, threadId } = deliver
  const { chatType, chatTitle } = origin
  const thread = threadId === undefined ? {} : { threadId }
  return {
    channel,
    lastChannel: channel,
    lastTo: to,
    lastAccountId: accountId,
    lastThreadId: threadId,
    deliveryContext: { channel, to, accountId, ...thread },
    origin: { provider: channel, surface: channel, to, accountId, ...thread, ...(chatType ? { chatType } : {}) },
    ...(typeof chatType === 'string' ? { chatType } : {}),
    ...(typeof chatTitle === 'string' ? { subject: chatTitle } : {})
  }
}
