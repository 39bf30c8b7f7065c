/** Messages that people and programs send, change and take back on channels. */
import { createHash } from 'node:crypto'
import type { Caller } from '../auth/caller.ts'
import { Type, type Static } from '../protocol/type.ts'
import { orderOf, type Fields, type Ordered } from '../tools/messages/order.ts'
import type { MessageReceipt } from '../tools/messages/port.ts'
import { method, type Rooms } from './rooms.ts'
import { openObject, text } from './shapes.ts'

const optional = Type.Optional
const words = optional(Type.String({ maxLength: 10_000 }))
const idempotencyKey = text({ maxLength: 512 })

const SendParams = Type.Object({
  to: text({ maxLength: 512 }),
  message: optional(Type.String({ maxLength: 200_000 })),
  mediaUrl: words,
  mediaUrls: optional(Type.Array(Type.String({ maxLength: 10_000 }), { maxItems: 10 })),
  buffer: optional(Type.String()),
  filename: words,
  contentType: words,
  asVoice: optional(Type.Boolean()),
  gifPlayback: optional(Type.Boolean()),
  channel: words,
  accountId: words,
  agentId: words,
  replyToId: words,
  threadId: words,
  forceDocument: optional(Type.Boolean()),
  silent: optional(Type.Boolean()),
  parseMode: optional(Type.Literal('HTML')),
  sessionKey: words,
  idempotencyKey
}, { additionalProperties: false })

const PollParams = Type.Object({
  to: text({ maxLength: 512 }),
  question: text({ maxLength: 1000 }),
  options: Type.Array(text({ maxLength: 1000 }), { minItems: 2, maxItems: 12 }),
  maxSelections: optional(Type.Integer({ minimum: 1, maximum: 12 })),
  durationSeconds: optional(Type.Integer({ minimum: 1, maximum: 604_800 })),
  durationHours: optional(Type.Integer({ minimum: 1 })),
  silent: optional(Type.Boolean()),
  isAnonymous: optional(Type.Boolean()),
  threadId: words,
  channel: words,
  accountId: words,
  idempotencyKey
}, { additionalProperties: false })

/** Who asks and in whose name is told by the connection; what a client says of it beside that decides nothing. */
const ActionParams = Type.Object({
  channel: text({ maxLength: 200 }),
  action: text({ maxLength: 100 }),
  params: openObject,
  reply: optional(Type.Object({ replyToId: text({ maxLength: 512 }) }, { additionalProperties: true })),
  accountId: words,
  requesterAccountId: words,
  requesterSenderId: words,
  senderIsOwner: optional(Type.Boolean()),
  sessionKey: words,
  sessionId: words,
  inboundTurnKind: words,
  agentId: words,
  toolContext: optional(openObject),
  conversationReadOrigin: words,
  idempotencyKey
}, { additionalProperties: false })

/** The same key of the same caller is the same message, whichever of the methods it comes by. */
const keyOf = ({ principal }: Caller, idempotencyKey: string): string =>
  `rpc:${createHash('sha256').update(JSON.stringify([principal, idempotencyKey])).digest('base64url').slice(0, 32)}`

interface Asked {
  readonly rooms: Rooms
  readonly caller: Caller
  readonly signal: AbortSignal
  readonly idempotencyKey: string
}

async function perform (order: Ordered, { rooms, caller, signal, idempotencyKey }: Asked): Promise<MessageReceipt> {
  const { messages } = await rooms.channels()
  return await messages.perform({ ...order, key: keyOf(caller, idempotencyKey) }, signal)
}

/** What went out, and where: the fields of other gateways of this kind, and what became of it in words. */
function answerOf (receipt: MessageReceipt, idempotencyKey: string): { [field: string]: unknown } {
  const { channel, accountId, to, threadId, status, messageIds, queueId } = receipt
  return {
    runId: idempotencyKey,
    channel,
    accountId,
    to,
    ...(threadId === undefined ? {} : { threadId }),
    chatId: to,
    status,
    ...(messageIds.length > 0 ? { messageId: messageIds.at(-1), messageIds } : {}),
    ...(queueId === undefined ? {} : { queueId })
  }
}

/** What other gateways of this kind put around the answer of an action. */
function actionAnswer (action: Ordered['action'], receipt: MessageReceipt, idempotencyKey: string): object {
  const answer = answerOf(receipt, idempotencyKey)
  const done = action === 'react' ? { added: true } : action === 'delete' ? { deleted: true } : action === 'edit' ? { edited: true } : {}
  return { ok: true, action, ...answer, ...done }
}

async function act (params: Static<typeof ActionParams>, asked: Asked): Promise<object> {
  const { channel, action, params: fields, accountId, reply } = params
  const order = orderOf(action, {
    ...(reply ? { replyTo: reply.replyToId } : {}), ...(accountId === undefined ? {} : { accountId }), ...fields as Fields, channel
  })
  if ((fields as Fields)['dryRun'] === true) {
    const { messages } = await asked.rooms.channels()
    return { ok: true, dryRun: true, action: order.action, ...await messages.check({ ...order, key: 'dry-run' }) }
  }
  return actionAnswer(order.action, await perform(order, asked), asked.idempotencyKey)
}

export const messages = {
  send: method({
    scope: 'operator.write',
    params: SendParams,
    result: openObject,
    ownsIdempotency: true,
    async handle (params, { rooms, caller, signal }) {
      const { idempotencyKey } = params
      return answerOf(await perform(orderOf('send', params), { rooms, caller, signal, idempotencyKey }), idempotencyKey)
    }
  }),
  poll: method({
    scope: 'operator.write',
    params: PollParams,
    result: openObject,
    ownsIdempotency: true,
    async handle (params, { rooms, caller, signal }) {
      const { idempotencyKey } = params
      return answerOf(await perform(orderOf('poll', params), { rooms, caller, signal, idempotencyKey }), idempotencyKey)
    }
  }),
  'message.action': method({
    scope: 'operator.write',
    params: ActionParams,
    result: openObject,
    ownsIdempotency: true,
    handle: (params, { rooms, caller, signal }) =>
      act(params, { rooms, caller, signal, idempotencyKey: params.idempotencyKey }) as Promise<{}>
  })
}
