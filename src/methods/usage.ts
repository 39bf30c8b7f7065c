/** What was used: of providers' quotas, and day by day. */
import { Type } from '../protocol/type.ts'
import { method } from './rooms.ts'
import { openObject, text } from './shapes.ts'

const date = Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }))

export const usage = {
  'usage.status': method({
    scope: 'operator.read',
    params: openObject,
    result: openObject,
    /** No provider that is reached with a key tells how much of a quota is left. */
    handle: (_params, { rooms }) => ({ updatedAt: rooms.now(), providers: [] })
  }),
  'usage.cost': method({
    scope: 'operator.read',
    params: Type.Object({
      days: Type.Optional(Type.Integer({ minimum: 1 })), startDate: date, endDate: date, agentId: Type.Optional(text({ maxLength: 256 }))
    }, { additionalProperties: true }),
    result: openObject,
    handle: ({ days, startDate, endDate, agentId }, { rooms }) => rooms.sessions.usage.daily({
      ...(days === undefined ? {} : { days }),
      ...(startDate === undefined ? {} : { startDate }),
      ...(endDate === undefined ? {} : { endDate }),
      ...(agentId === undefined ? {} : { agentId: agentId.toLowerCase() })
    })
  })
}
