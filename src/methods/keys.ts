/** API keys for programs: made, looked at, given another secret, and revoked. */
import type { Caller } from '../auth/caller.ts'
import type { KeyOrder } from '../auth/keys/room.ts'
import { GatewayError } from '../protocol/errors.ts'
import { Type } from '../protocol/type.ts'
import { method } from './rooms.ts'
import { noParams, openObject, text } from './shapes.ts'

const optional = Type.Optional
const words = optional(Type.Array(text({ maxLength: 256 }), { minItems: 1, maxItems: 100 }))
const amount = optional(Type.Integer({ minimum: 1 }))
const named = Type.Object({ name: text({ maxLength: 128 }) }, { additionalProperties: false })

const longestGraceMs = 7 * 24 * 60 * 60_000

const CreateParams = Type.Object({
  name: text({ maxLength: 64 }),
  scopes: words,
  ownSessionsOnly: optional(Type.Boolean()),
  agents: words,
  methods: words,
  routes: words,
  addresses: words,
  limits: optional(Type.Object({
    requestsPerMinute: amount,
    concurrentRuns: amount,
    tokensPerDay: amount,
    spendPerDayUsd: optional(Type.Number({ exclusiveMinimum: 0 }))
  }, { additionalProperties: false })),
  expiresAtMs: optional(Type.Integer({ minimum: 1 }))
}, { additionalProperties: false })

/** What is handed to a program must not be able to hand out more. */
function mayIssue ({ key }: Caller): void {
  if (key) throw new GatewayError('KEY_NOT_ALLOWED', { message: 'an API key makes no API keys; use the shared secret or a paired device' })
}

const issuer = ({ user, principal }: Caller): string => user ?? principal

export const keys = {
  'keys.list': method({
    scope: 'operator.admin',
    changes: false,
    params: noParams,
    result: openObject,
    handle: async (_params, { rooms }) => ({ keys: (await rooms.keys()).list() })
  }),
  'keys.show': method({
    scope: 'operator.admin',
    changes: false,
    params: named,
    result: openObject,
    handle: async ({ name }, { rooms }) => ({ key: (await rooms.keys()).get(name) })
  }),
  'keys.create': method({
    scope: 'operator.admin',
    controlPlane: true,
    params: CreateParams,
    result: openObject,
    async handle (params, { rooms, caller }) {
      mayIssue(caller)
      const known = new Set(rooms.agents().map(({ agentId }) => agentId.toLowerCase()))
      const unknown = params.agents?.find(agent => !known.has(agent.toLowerCase()))
      if (unknown !== undefined) throw new GatewayError('AGENT_UNKNOWN', { message: `agent "${unknown}" not found`, details: { agentId: unknown } })
      // Words are looked at where the rules of a key are understood.
      return await (await rooms.keys()).create(params as KeyOrder, issuer(caller))
    }
  }),
  'keys.rotate': method({
    scope: 'operator.admin',
    controlPlane: true,
    params: Type.Object({
      name: text({ maxLength: 128 }), graceMs: optional(Type.Integer({ minimum: 0, maximum: longestGraceMs }))
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ name, graceMs = 0 }, { rooms, caller }) {
      mayIssue(caller)
      return await (await rooms.keys()).rotate(name, graceMs)
    }
  }),
  'keys.revoke': method({
    scope: 'operator.admin',
    controlPlane: true,
    params: named,
    result: openObject,
    handle: async ({ name }, { rooms }) => ({ key: await (await rooms.keys()).revoke(name) })
  })
}
