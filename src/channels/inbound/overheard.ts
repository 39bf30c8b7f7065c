/** What was said in a chat without speaking to the agent, as far as it may have to know. Kept in memory, the newest alone. */
import { createRecent } from '../../lib/recent.ts'

export interface Heard {
  readonly sender: string
  readonly text: string
  readonly messageId?: string
}

export interface Overheard {
  add (chat: string, heard: Heard, limit: number): void
  /** An earlier message was changed. False: it is not known here. */
  change (chat: string, messageId: string, text: string): boolean
  /** Takes one out that speaks to the agent after all. False: it is not known here. */
  take (chat: string, messageId: string): boolean
  of (chat: string): readonly Heard[]
  /** The agent knows of it now. */
  forget (chat: string): void
}

const maxChats = 500
const maxTextChars = 2_000

const isOf = (messageId: string) => (heard: Heard): boolean => heard.messageId === messageId

export function createOverheard (): Overheard {
  // Those that were quiet for longest are forgotten first.
  const chats = createRecent<readonly Heard[]>(maxChats)
  return {
    add (chat, heard, limit) {
      if (limit <= 0) return
      const all = [...chats.get(chat) ?? [], { ...heard, text: heard.text.slice(0, maxTextChars) }].slice(-limit)
      chats.set(chat, all)
    },
    change (chat, messageId, text) {
      const known = chats.get(chat)
      if (!known?.some(isOf(messageId))) return false
      chats.set(chat, known.map(heard => isOf(messageId)(heard) ? { ...heard, text: text.slice(0, maxTextChars) } : heard))
      return true
    },
    take (chat, messageId) {
      const known = chats.get(chat)
      if (!known?.some(isOf(messageId))) return false
      chats.set(chat, known.filter(heard => !isOf(messageId)(heard)))
      return true
    },
    of: chat => chats.get(chat) ?? [],
    forget (chat) { chats.delete(chat) }
  }
}
