/** What was written while nobody listened, when a session cannot be resumed: it is asked for, conversation by conversation. */
import type { Logger } from '../../../log/logger.ts'
import { Refusal, type Api } from './api.ts'
import type { Saved } from './memory.ts'
import { writtenAtMs, type Member, type Message } from './wire.ts'

export interface CatchUpOptions {
  readonly api: Api
  readonly read: NonNullable<Saved['read']>
  readonly log: Logger
  readonly now: number
  readonly signal: AbortSignal
  readonly take: (message: Message) => Promise<void>
}

const pageSize = 100
const mostPages = 5
/** What is older is answered by nobody: it is a day old. */
const maxAgeMs = 24 * 3600 * 1000

const isGone = (error: unknown): boolean => error instanceof Refusal && error.isOfService && (error.status === 403 || error.status === 404)

/** Messages that are asked for do not say which roles their author has. */
function createMembers (api: Api, signal: AbortSignal): (guildId: string, message: Message) => Promise<Message> {
  const known = new Map<string, Promise<Member | undefined>>()
  return async (guildId, message) => {
    const { author, webhook_id: webhook } = message
    if (!author || webhook !== undefined) return { ...message, guild_id: guildId }
    const path = `/guilds/${guildId}/members/${author.id}`
    const asked = known.get(path) ?? api.call<Member>('GET', path, { signal }).catch(() => undefined)
    known.set(path, asked)
    const member = await asked
    return { ...message, guild_id: guildId, ...(member ? { member } : {}) }
  }
}

export async function catchUp ({ api, read, log, now, signal, take }: CatchUpOptions): Promise<void> {
  const withMember = createMembers(api, signal)
  let count = 0
  async function readOn (channelId: string, from: string, guildId: string | undefined): Promise<void> {
    let after = from
    for (let page = 0; page < mostPages; page++) {
      const found = await api.call<readonly Message[]>('GET', `/channels/${channelId}/messages?after=${after}&limit=${pageSize}`, { signal })
      const messages = [...found].sort((a, b) => BigInt(a.id) < BigInt(b.id) ? -1 : 1)
      for (const message of messages) {
        after = message.id
        if (now - writtenAtMs(message.id) > maxAgeMs) continue
        await take(guildId === undefined ? message : await withMember(guildId, message))
        count++
      }
      if (messages.length < pageSize) return
    }
  }
  for (const [channelId, { messageId, guildId }] of Object.entries(read)) {
    try {
      await readOn(channelId, messageId, guildId)
    } catch (error) {
      if (!isGone(error)) throw error
    }
  }
  if (count > 0) log.info({ count }, 'messages that Discord had meanwhile were asked for')
}
