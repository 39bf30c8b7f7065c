/** Chats of services by a reference that stays, for programs that write there and wait for what is answered. */
import { createHash } from 'node:crypto'
import type { Said } from '../channels/messaging/conversations.ts'
import { hasChannels } from '../channels/entries.ts'
import { Type } from '../protocol/type.ts'
import { GatewayError } from '../protocol/errors.ts'
import { method, type Rooms } from './rooms.ts'
import { openObject, text } from './shapes.ts'

const optional = Type.Optional
const word = text({ maxLength: 512 })
const conversationRef = Type.String({ pattern: '^conv_[a-f0-9]{32}$' })
const message = text({ maxLength: 200_000 })

const keyOf = (agentId: string, id: string): string =>
  `conv:${createHash('sha256').update(JSON.stringify([agentId, id])).digest('base64url').slice(0, 32)}`

async function conversationsOf (rooms: Rooms) {
  await rooms.sessions.ready
  return (await rooms.channels()).conversations
}

const placed = ({ conversation: { conversationRef, channel }, messageIds }: Said): object =>
  ({ conversationRef, channel, ...(messageIds.length > 0 ? { messageId: messageIds.at(-1) } : {}) })

export const conversations = {
  'conversations.list': method({
    scope: 'operator.admin',
    changes: false,
    params: Type.Object({
      agentId: word, channel: optional(word), query: optional(word), limit: optional(Type.Integer({ minimum: 1, maximum: 100 }))
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ agentId, limit = 50, ...more }, { rooms }) {
      if (!hasChannels(rooms.config().config)) return { conversations: [] }
      return { conversations: (await conversationsOf(rooms)).list(agentId.toLowerCase(), { ...more, limit }) }
    }
  }),
  'conversations.send': method({
    scope: 'operator.admin',
    params: Type.Object({
      agentId: word, sourceSessionKey: optional(word), operationId: word, conversationRef, message
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ agentId, operationId, conversationRef, message }, { rooms, signal }) {
      const owner = agentId.toLowerCase()
      const said = await (await conversationsOf(rooms)).say(owner, conversationRef, message, keyOf(owner, operationId), signal)
      return { status: said.status, ...placed(said), ...(said.queueId === undefined ? {} : { queueId: said.queueId }) }
    }
  }),
  'conversations.turn': method({
    scope: 'operator.admin',
    params: Type.Object({
      agentId: word,
      sourceSessionKey: optional(word),
      turnId: word,
      conversationRef,
      message,
      timeoutMs: Type.Integer({ minimum: 1, maximum: 300_000 })
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ agentId, turnId, conversationRef, message, timeoutMs }, { rooms, signal }) {
      const owner = agentId.toLowerCase()
      const turn = { agentId: owner, turnId, conversationRef, message, timeoutMs }
      const said = await (await conversationsOf(rooms)).turn(turn, keyOf(owner, turnId), signal)
      // Who waits is known to this process alone.
      const common = { ...placed(said), correlationPersisted: false }
      if (said.reply) return { ...common, status: 'replied', reply: { conversationRef, ...said.reply } }
      if (said.status === 'sent') return { ...common, status: 'timeout' }
      return { ...common, status: said.status, error: said.error ?? 'the message waits to be sent' }
    }
  }),
  'conversations.turn.cancel': method({
    scope: 'operator.admin',
    params: Type.Object({ agentId: word, turnId: word }, { additionalProperties: false }),
    result: openObject,
    async handle ({ agentId, turnId }, { rooms }) {
      if (!hasChannels(rooms.config().config)) return { cancelled: false }
      return { cancelled: (await conversationsOf(rooms)).cancel(agentId.toLowerCase(), turnId) }
    }
  })
}

/** The channels of this gateway sign in with what the configuration holds: there is no code to be shown. */
function noLogin (): never {
  throw new GatewayError('CHANNEL_UNABLE', { message: 'web login provider is not available' })
}

const loginParams = Type.Object({
  accountId: optional(word), timeoutMs: optional(Type.Integer({ minimum: 0 }))
}, { additionalProperties: true })

export const webLogin = {
  'web.login.start': method({ scope: 'operator.admin', advertise: false, params: loginParams, result: openObject, handle: noLogin }),
  'web.login.wait': method({ scope: 'operator.admin', advertise: false, params: loginParams, result: openObject, handle: noLogin })
}
