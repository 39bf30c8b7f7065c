import { randomUUID } from 'node:crypto'
import { GatewayError } from '../protocol/errors.ts'
import { Type } from '../protocol/type.ts'
import { attachments } from './attachments.ts'
import { send } from './chat.ts'
import { method } from './rooms.ts'
import { existing } from './sessions.ts'
import { sessionWrite } from './session-scopes.ts'
import { openObject, text } from './shapes.ts'

const sendParams = Type.Object({
  key: text({ maxLength: 512 }),
  agentId: Type.Optional(text()),
  message: Type.String(),
  thinking: Type.Optional(Type.String()),
  attachments,
  timeoutMs: Type.Optional(Type.Integer({ minimum: 0 })),
  idempotencyKey: Type.Optional(text({ maxLength: 512 }))
}, { additionalProperties: false })

/** sessions.send and sessions.steer speak into a conversation that is there; chat.send and agent begin one. */
export const sessionRuns = {
  'sessions.send': method({
    scope: sessionWrite,
    ownsIdempotency: true,
    params: sendParams,
    result: openObject,
    async handle ({ key, idempotencyKey = randomUUID(), ...params }, context) {
      await existing(context.rooms.sessions, key, params.agentId)
      return send({ ...params, sessionKey: key, idempotencyKey }, context)
    }
  }),
  'sessions.steer': method({
    scope: sessionWrite,
    ownsIdempotency: true,
    advertise: false,
    params: sendParams,
    result: openObject,
    async handle ({ key, idempotencyKey = randomUUID(), ...params }, context) {
      await existing(context.rooms.sessions, key, params.agentId)
      return send({ ...params, sessionKey: key, idempotencyKey, queueMode: 'interrupt' }, context)
    }
  }),
  'sessions.abort': method({
    scope: sessionWrite,
    params: Type.Object({
      key: Type.Optional(text()),
      runId: Type.Optional(text()),
      agentId: Type.Optional(text()),
      clearQueued: Type.Optional(Type.Boolean())
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ key, runId, agentId, clearQueued }, { rooms: { sessions, runs } }) {
      if (key === undefined && runId === undefined) throw new GatewayError('INVALID_PARAMS', { message: 'sessions.abort takes a key or a runId' })
      const sessionKey = key === undefined ? undefined : sessions.target(key, agentId).key
      const [active] = sessionKey === undefined ? [] : runs.active(sessionKey)
      const wanted = runId ?? (clearQueued ? undefined : active?.runId)
      const nothing = wanted === undefined && !clearQueued
      const { runIds } = nothing
        ? { runIds: [] }
        : await runs.abort({ ...(sessionKey ? { sessionKey } : {}), ...(wanted ? { runId: wanted } : {}) })
      return runIds.length > 0
        ? { ok: true, abortedRunId: runIds.at(-1), status: 'aborted', ...(clearQueued ? { runIds } : {}) }
        : { ok: true, abortedRunId: null, status: 'no-active-run' }
    }
  })
}
