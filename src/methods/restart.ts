/** Beginning the gateway anew on request: when nothing runs, or at once. */
import { GatewayError } from '../protocol/errors.ts'
import { Type } from '../protocol/type.ts'
import { method, type Rooms } from './rooms.ts'
import { noParams, openObject, text } from './shapes.ts'

const RequestParams = Type.Object({
  reason: Type.Optional(text({ maxLength: 512 })),
  /** Without waiting for runs. */
  skipDeferral: Type.Optional(Type.Boolean()),
  force: Type.Optional(Type.Boolean()),
  delayMs: Type.Optional(Type.Integer({ minimum: 0 })),
  sessionKey: Type.Optional(text({ maxLength: 512 })),
  note: Type.Optional(Type.String({ maxLength: 4096 }))
}, { additionalProperties: false })

function preflight ({ runs }: Rooms) {
  const { active, queued } = runs.stats()
  const counts = {
    queueSize: queued,
    pendingReplies: 0,
    embeddedRuns: active,
    cronRuns: 0,
    backgroundExecSessions: 0,
    rootRequests: 0,
    activeTasks: 0,
    totalActive: active + queued
  }
  const blockers = counts.totalActive === 0
    ? []
    : [{ kind: 'runs', count: counts.totalActive, message: `${active} running, ${queued} waiting` }]
  return { safe: counts.totalActive === 0, counts, blockers, summary: counts.totalActive === 0 ? 'safe to restart now' : `${counts.totalActive} runs would be waited for` }
}

export const restart = {
  'gateway.restart.preflight': method({
    scope: 'operator.read',
    params: noParams,
    result: openObject,
    handle: (_params, { rooms }) => preflight(rooms)
  }),
  'gateway.restart.request': method({
    scope: 'operator.admin',
    controlPlane: true,
    params: RequestParams,
    result: openObject,
    handle ({ reason = 'gateway.restart.request', skipDeferral = false, force = false }, { rooms }) {
      const before = preflight(rooms)
      const answer = rooms.reloads.restart({ reason, force: force || skipDeferral })
      if (!answer) throw new GatewayError('FORBIDDEN', { message: 'this gateway cannot begin itself anew: it is part of another program' })
      const { delayMs, coalesced } = answer
      return {
        ok: true,
        status: 'scheduled',
        preflight: before,
        restart: {
          ok: true, pid: process.pid, signal: 'SIGUSR2', reason, mode: 'emit', delayMs, cooldownMsApplied: delayMs, coalesced, emitHooksQueued: 0
        }
      }
    }
  })
}
