import { oneOf, Type } from '../protocol/type.ts'
import { GatewayError } from '../protocol/errors.ts'
import { attachments, imagesOf } from './attachments.ts'
import { method } from './rooms.ts'
import { callerOf, mayReset, originOf, readCommand, sendAnswer, type Context } from './run-answers.ts'
import { sessionWrite } from './session-scopes.ts'
import { openObject, text } from './shapes.ts'

const sendParams = Type.Object({
  sessionKey: text({ maxLength: 512 }),
  agentId: Type.Optional(text()),
  sessionId: Type.Optional(text()),
  message: Type.String(),
  intent: Type.Optional(openObject),
  thinking: Type.Optional(Type.String()),
  fastMode: Type.Optional(Type.Unknown()),
  fastAutoOnSeconds: Type.Optional(Type.Integer({ minimum: 1 })),
  queueMode: Type.Optional(oneOf(['steer', 'followup', 'collect', 'interrupt'])),
  deliver: Type.Optional(Type.Boolean()),
  originatingChannel: Type.Optional(Type.String()),
  originatingTo: Type.Optional(Type.String()),
  originatingAccountId: Type.Optional(Type.String()),
  originatingThreadId: Type.Optional(Type.String()),
  replyToId: Type.Optional(text()),
  attachments,
  toolBindings: Type.Optional(openObject),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 0 })),
  systemInputProvenance: Type.Optional(openObject),
  systemProvenanceReceipt: Type.Optional(Type.String()),
  suppressCommandInterpretation: Type.Optional(Type.Boolean()),
  expectedLeafEntryId: Type.Optional(Type.Union([text(), Type.Null()])),
  expectedSessionRoutingContract: Type.Optional(text()),
  expectedPermissionMode: Type.Optional(Type.Union([text(), Type.Null()])),
  expectedToolOverrides: Type.Optional(Type.Union([openObject, Type.Null()])),
  idempotencyKey: text({ maxLength: 512 })
}, { additionalProperties: false })

export interface Send {
  readonly sessionKey: string
  readonly agentId?: string
  readonly message: string
  readonly thinking?: string
  readonly queueMode?: 'steer' | 'followup' | 'collect' | 'interrupt'
  readonly attachments?: readonly unknown[]
  readonly timeoutMs?: number
  readonly suppressCommandInterpretation?: boolean
  readonly idempotencyKey: string
}

/** What chat.send, sessions.send and sessions.steer do. */
export async function send (params: Send, context: Context): Promise<object> {
  const { caller, rooms } = context
  const { sessionKey, agentId, message, thinking, queueMode, timeoutMs, idempotencyKey } = params
  const images = imagesOf(params.attachments)
  if (message.trim() === '' && images.length === 0) throw new GatewayError('INVALID_PARAMS', { message: 'the message is empty; send a text or an image' })
  const target = rooms.sessions.target(sessionKey, agentId)
  const command = params.suppressCommandInterpretation ? undefined : readCommand(message, context)
  if (command?.kind === 'stop') {
    const { runIds } = await rooms.runs.abort({ sessionKey: target.key, origin: 'stop' })
    return { ok: true, aborted: runIds.length > 0, runIds }
  }
  if (command) mayReset(caller)
  const answer = await sendAnswer(await rooms.runs.start({
    caller: callerOf(context),
    via: 'chat',
    idempotencyKey,
    sessionKey: target.key,
    message: command ? command.rest : message,
    ...(command ? { anew: command.trigger.replace(/^\//, '') } : {}),
    ...(images.length > 0 ? { images } : {}),
    ...(thinking ? { thinking } : {}),
    ...(queueMode ? { queueMode } : {}),
    ...(timeoutMs ? { timeoutMs } : {}),
    origin: originOf(context)
  }))
  return command?.rest === '' && images.length === 0 ? { ...answer, reset: true } : answer
}

export const chat = {
  'chat.send': method({
    scope: sessionWrite,
    ownsIdempotency: true,
    params: sendParams,
    result: openObject,
    handle: send
  }),
  'chat.abort': method({
    scope: sessionWrite,
    params: Type.Object({
      sessionKey: text(),
      agentId: Type.Optional(text()),
      runId: Type.Optional(text()),
      preserveSideRuns: Type.Optional(Type.Boolean())
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ sessionKey, agentId, runId }, { rooms }) {
      const { key } = rooms.sessions.target(sessionKey, agentId)
      const { runIds } = await rooms.runs.abort({ sessionKey: key, ...(runId ? { runId } : {}) })
      return { ok: true, aborted: runIds.length > 0, runIds }
    }
  })
}
