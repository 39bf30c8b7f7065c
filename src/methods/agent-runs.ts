import type { ReplyAddress } from '../channels/replies/reply.ts'
import { GatewayError } from '../protocol/errors.ts'
import { Type } from '../protocol/type.ts'
import type { MessageOrder } from '../tools/messages/port.ts'
import { attachments, imagesOf } from './attachments.ts'
import { method } from './rooms.ts'
import { agentAnswer, callerOf, mayReset, originOf, readCommand, waitAnswer, type Context } from './run-answers.ts'
import { openObject, text } from './shapes.ts'

const optionalText = Type.Optional(Type.String())

const agentParams = Type.Object({
  message: text(),
  idempotencyKey: text({ maxLength: 512 }),
  agentId: Type.Optional(text()),
  sessionKey: optionalText,
  sessionId: optionalText,
  expectedExistingSessionId: Type.Optional(text()),
  provider: optionalText,
  model: optionalText,
  thinking: optionalText,
  attachments,
  timeout: Type.Optional(Type.Integer({ minimum: 0 })),
  lane: optionalText,
  extraSystemPrompt: optionalText,
  label: Type.Optional(text({ maxLength: 512 })),
  to: optionalText,
  replyTo: optionalText,
  deliver: Type.Optional(Type.Boolean()),
  bestEffortDeliver: Type.Optional(Type.Boolean()),
  channel: optionalText,
  replyChannel: optionalText,
  accountId: optionalText,
  replyAccountId: optionalText,
  threadId: optionalText,
  groupId: optionalText,
  groupChannel: optionalText,
  groupSpace: optionalText,
  cwd: Type.Optional(text()),
  cleanupBundleMcpOnRunEnd: Type.Optional(Type.Boolean()),
  modelRun: Type.Optional(Type.Boolean()),
  promptMode: optionalText,
  bootstrapContextMode: optionalText,
  bootstrapContextRunKind: optionalText,
  acpTurnSource: optionalText,
  inputProvenance: Type.Optional(openObject),
  suppressPromptPersistence: Type.Optional(Type.Boolean()),
  sessionEffects: optionalText,
  sourceReplyDeliveryMode: optionalText,
  disableMessageTool: Type.Optional(Type.Boolean()),
  forceRestartSafeTools: Type.Optional(Type.Boolean()),
  forceCodeModeTools: Type.Optional(Type.Boolean()),
  voiceWakeTrigger: optionalText
}, { additionalProperties: false })

interface Place {
  readonly sessionKey?: string
  readonly sessionId?: string
  readonly agentId?: string
  readonly idempotencyKey: string
}

/** By key, by the id of a transcript, else a session of its own. */
async function targetOf ({ sessionKey, sessionId, agentId, idempotencyKey }: Place, { rooms }: Context) {
  const { sessions } = rooms
  if (sessionKey) return sessions.target(sessionKey, agentId)
  await sessions.ready
  const known = sessionId ? sessions.byId(sessionId) : undefined
  if (known) return sessions.target(known.key, agentId)
  const owner = agentId ?? sessions.target(undefined).agentId
  return sessions.target(`agent:${owner}:explicit:${sessionId ?? idempotencyKey}`, agentId)
}

interface Destination {
  readonly idempotencyKey: string
  readonly channel?: string
  readonly replyChannel?: string
  readonly to?: string
  readonly replyTo?: string
  readonly accountId?: string
  readonly replyAccountId?: string
  readonly threadId?: string
}

/** Where the reply goes: as the request says, else where the conversation was spoken last. */
async function addressOf (params: Destination, sessionKey: string, { rooms }: Context): Promise<ReplyAddress> {
  await rooms.sessions.ready
  const { lastChannel, lastTo, lastAccountId, lastThreadId } = rooms.sessions.get(sessionKey) ?? {}
  const channel = params.replyChannel ?? params.channel
  const to = params.replyTo ?? params.to
  const accountId = params.replyAccountId ?? params.accountId
  const isSaid = channel !== undefined || to !== undefined
  const threadId = isSaid ? params.threadId : params.threadId ?? lastThreadId
  const { messages } = await rooms.channels()
  return await messages.check({
    action: 'send',
    key: params.idempotencyKey,
    text: '…',
    ...(isSaid ? { channel, to, accountId } : { channel: lastChannel, to: lastTo, accountId: lastAccountId }),
    ...(threadId === undefined ? {} : { threadId })
  } as MessageOrder)
}

export const agentRuns = {
  agent: method({
    scope: ({ message }) => /^\s*\/(new|reset)\b/i.test(message) ? ['operator.write', 'operator.admin'] : ['operator.write'],
    ownsIdempotency: true,
    params: agentParams,
    result: openObject,
    async handle (params, context) {
      const { rooms, caller } = context
      const { message, idempotencyKey, provider, model, thinking, timeout, lane, extraSystemPrompt } = params
      const images = imagesOf(params.attachments)
      const target = await targetOf(params, context)
      const { expectedExistingSessionId: expected } = params
      if (expected !== undefined && rooms.sessions.get(target.key)?.sessionId !== expected) {
        throw new GatewayError('SESSION_CHANGED', { message: `session ${target.key} is not at ${expected} any more`, details: { key: target.key } })
      }
      const command = readCommand(message, context)
      const order = command?.kind === 'reset' ? command : undefined
      if (order) mayReset(caller)
      const deliver = params.deliver ? await addressOf(params, target.key, context) : undefined
      const handle = await rooms.runs.start({
        caller: callerOf(context),
        via: 'agent',
        idempotencyKey,
        sessionKey: target.key,
        message: order ? order.rest : message,
        ...(order ? { anew: order.trigger.replace(/^\//, '') } : {}),
        ownTurn: true,
        ...(images.length > 0 ? { images } : {}),
        ...(provider ? { provider } : {}),
        ...(model ? { model } : {}),
        ...(thinking ? { thinking } : {}),
        ...(timeout ? { timeoutMs: Math.min(timeout * 1000, 2 ** 31 - 1) } : {}),
        ...(lane ? { lane } : {}),
        ...(extraSystemPrompt ? { extraSystemPrompt } : {}),
        ...(deliver ? { deliver } : {}),
        origin: originOf(context)
      })
      const { runId, sessionKey, agentId, status, acceptedAtMs } = handle
      if (status === 'in_flight') return { runId, status, sessionKey, agentId }
      if (status === 'started') context.respondFirst({ runId, sessionKey, agentId, status: 'accepted', acceptedAt: acceptedAtMs })
      return agentAnswer(await handle.result)
    }
  }),
  'agent.wait': method({
    scope: 'operator.write',
    params: Type.Object({ runId: text(), timeoutMs: Type.Optional(Type.Integer({ minimum: 0 })) }, { additionalProperties: false }),
    result: openObject,
    async handle ({ runId, timeoutMs = 30_000 }, { rooms, signal }) {
      return waitAnswer(runId, await rooms.runs.wait(runId, Math.min(timeoutMs, 2 ** 31 - 1), signal))
    }
  })
}
