import { oneOf, Type } from '../protocol/type.ts'
import { method } from './rooms.ts'
import { sessionRead } from './session-scopes.ts'
import { existing } from './sessions.ts'
import { openObject, text } from './shapes.ts'

const optional = Type.Optional
const date = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })
const one = { key: text({ maxLength: 512 }), agentId: optional(text()) }

export const sessionsUsage = {
  'sessions.usage': method({
    scope: 'operator.read',
    params: Type.Object({
      key: optional(text({ maxLength: 512 })),
      agentId: optional(text()),
      agentScope: optional(Type.Literal('all')),
      startDate: optional(date),
      endDate: optional(date),
      mode: optional(oneOf(['utc', 'gateway', 'specific'])),
      range: optional(oneOf(['7d', '30d', '90d', '1y', 'all'])),
      groupBy: optional(oneOf(['instance', 'family'])),
      timeZone: optional(text()),
      limit: optional(Type.Integer({ minimum: 1 })),
      includeContextWeight: optional(Type.Boolean())
    }, { additionalProperties: false }),
    result: openObject,
    handle ({ key, agentId, agentScope, ...query }, { rooms }) {
      return rooms.sessions.usage.summary({
        ...query,
        ...(key === undefined ? {} : { key: rooms.sessions.target(key, agentId).key }),
        ...(agentId === undefined || agentScope === 'all' ? {} : { agentId: agentId.toLowerCase() })
      })
    }
  }),
  'sessions.usage.timeseries': method({
    scope: sessionRead,
    changes: false,
    params: Type.Object(one, { additionalProperties: false }),
    result: openObject,
    handle: async ({ key, agentId }, { rooms }) => rooms.sessions.usage.timeseries(await existing(rooms.sessions, key, agentId))
  }),
  'sessions.usage.logs': method({
    scope: sessionRead,
    changes: false,
    params: Type.Object({ ...one, limit: optional(Type.Integer({ minimum: 1 })) }, { additionalProperties: false }),
    result: openObject,
    async handle ({ key, agentId, limit = 200 }, { rooms }) {
      return { logs: await rooms.sessions.usage.logs(await existing(rooms.sessions, key, agentId), Math.min(limit, 1_000)) }
    }
  })
}
