/** Clients of this gateway as a channel: whoever sends there writes into a conversation, as the assistant of which. */
import type { EventBus } from '../events/bus.ts'
import { GatewayError } from '../protocol/errors.ts'
import { Type } from '../protocol/type.ts'
import { parseKey } from '../sessions/keys.ts'
import { writeNote } from '../sessions/note.ts'
import type { SessionRecord } from '../sessions/record.ts'
import type { SessionsRoom } from '../sessions/sessions.ts'
import { defineChannel, type OutboundMessage, type SendOutcome } from './define-channel.ts'
import { maxTextChars } from './delivery/item.ts'
import { later, refused } from './outcome.ts'
import type { ChannelAccount } from './room.ts'
import { webchatAccountId, webchatId, webchatLabel } from './webchat-row.ts'

export interface WebchatSources {
  readonly sessions: Pick<SessionsRoom, 'get' | 'lines' | 'ready' | 'target' | 'write'>
  readonly events: Pick<EventBus, 'emit'>
  readonly now: () => number
}

/** For so long, and in so many lines, a message of the same key is found again. */
const repeatMs = 10 * 60_000
const linesLookedAt = 200

const channel = defineChannel({
  id: webchatId,
  label: webchatLabel,
  config: Type.Object({}),
  limits: { textLength: maxTextChars, textUnit: 'utf16', mediaBytes: 0 },
  repeatMs,
  markup: 'markdown',
  mode: 'socket',
  missing: () => undefined,
  start () { throw new Error('it is there as long as the gateway') }
})

export function createWebchat ({ sessions, events, now }: WebchatSources): ChannelAccount {
  /** Its own main conversation every agent has, also before somebody said something. */
  const createOf = (key: string): { readonly create?: Partial<SessionRecord> } => parseKey(key).kind === 'main' ? { create: {} } : {}

  async function written (sessionKey: string, key: string): Promise<string | undefined> {
    if (!sessions.get(sessionKey)) return undefined
    const lines = await sessions.lines.tail(sessionKey, { limit: linesLookedAt })
    return lines.find(({ value }) => value.type === 'message' && value.message.role === 'assistant' && value.message.idempotencyKey === key)?.id
  }

  async function write ({ key, chatId, text }: OutboundMessage): Promise<string> {
    await sessions.ready
    const { key: sessionKey, agentId } = sessions.target(chatId)
    const idempotencyKey = `webchat:${key}`
    return await written(sessionKey, idempotencyKey) ??
      await writeNote({ sessions, events, now }, { sessionKey, agentId, text, idempotencyKey, ...createOf(sessionKey) })
  }

  const running = {
    async stop () {},
    async send (message: OutboundMessage): Promise<SendOutcome> {
      try {
        return { kind: 'sent', messageId: await write(message) }
      } catch (error) {
        if (error instanceof GatewayError && !error.row.retryable) return refused(error.message)
        return later(error instanceof Error ? error.message : String(error))
      }
    }
  }
  return {
    entry: { channel: webchatId, accountId: webchatAccountId, enabled: true, config: {}, health: { enabled: false } },
    channel,
    current: () => running,
    properly (to) {
      const { key } = sessions.target(to)
      if (sessions.get(key) || createOf(key).create) return key
      throw new GatewayError('SESSION_UNKNOWN', { message: `session not found: ${key}`, details: { key } })
    },
    runBegan () {},
    runMoved () {},
    runEnded () {},
    sent () {}
  }
}
