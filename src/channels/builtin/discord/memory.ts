/** What of an account outlives the gateway: how far Discord was read. */
import type { OpenMemory } from '../../account-memory.ts'

export interface Saved {
  readonly session?: { readonly botId: string, readonly id: string, readonly resumeUrl: string, readonly seq: number }
  /** Which commands Discord shows for us. */
  readonly commands?: string
  /** The last message of every conversation that is listened to, the latest at the end. */
  readonly read?: { readonly [channelId: string]: { readonly messageId: string, readonly guildId?: string } }
}

export type Memory = OpenMemory<Saved>

const mostConversations = 100

/** A message that was read. */
export interface Read {
  readonly channelId: string
  readonly messageId: string
  readonly guildId: string | undefined
}

/** The same, with a message that was read now. */
export function withRead (read: Saved['read'], { channelId, messageId, guildId }: Read): NonNullable<Saved['read']> {
  const before = read?.[channelId]
  // Edits of old messages do not set the place back.
  const latest = before && BigInt(before.messageId) > BigInt(messageId) ? before.messageId : messageId
  const others = Object.entries(read ?? {}).filter(([id]) => id !== channelId).slice(1 - mostConversations)
  return Object.fromEntries([...others, [channelId, { messageId: latest, ...(guildId === undefined ? {} : { guildId }) }]])
}
