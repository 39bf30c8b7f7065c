/** Approvals of every kind, and those that plugins ask for. */
import { GatewayError } from '../protocol/errors.ts'
import { oneOf, Type } from '../protocol/type.ts'
import { decisions, snapshotOf, type Decision, type Presentation } from '../tools/approvals/record.ts'
import { answerOf, checkedDecision, decide, listed, resolverOf, waited } from './exec-approvals.ts'
import { method } from './rooms.ts'
import { okResult, openList, openObject, text } from './shapes.ts'

const optional = Type.Optional
const id = text({ maxLength: 512 })
const kinds = ['exec', 'plugin', 'system-agent'] as const
const orNull = (schema: ReturnType<typeof Type.String>) => optional(Type.Union([schema, Type.Null()]))
const word = orNull(text({ maxLength: 512 }) as ReturnType<typeof Type.String>)

/** Of a question by a plugin. */
const pluginTimeoutMs = 120_000

const pluginFields = {
  pluginId: word,
  title: text({ maxLength: 80 }),
  description: text({ maxLength: 512 }),
  detail: orNull(text({ maxLength: 16_384 }) as ReturnType<typeof Type.String>),
  severity: optional(Type.Union([oneOf(['info', 'warning', 'critical']), Type.Null()])),
  scope: optional(Type.Union([openObject, Type.Null()])),
  toolName: word,
  toolCallId: word,
  mcpTool: optional(openObject),
  allowedDecisions: optional(Type.Union([Type.Array(oneOf(decisions), { minItems: 1, maxItems: 3 }), Type.Null()])),
  agentId: word,
  sessionKey: word,
  approvalReviewerDeviceIds: optional(Type.Union([Type.Array(text()), Type.Null()])),
  turnSourceChannel: word,
  turnSourceTo: word,
  turnSourceAccountId: word,
  turnSourceThreadId: optional(Type.Union([Type.String(), Type.Number(), Type.Null()])),
  timeoutMs: optional(Type.Integer({ minimum: 1, maximum: 600_000 })),
  twoPhase: optional(Type.Boolean())
}

function pluginPresentation (params: { [field: string]: unknown }, allowedDecisions: readonly Decision[]): Presentation {
  const { title, description, detail, severity, pluginId, toolName, agentId, scope } = params
  return {
    kind: 'plugin',
    title,
    description,
    ...(detail ? { detail } : {}),
    severity: severity ?? 'info',
    pluginId: pluginId ?? null,
    toolName: toolName ?? null,
    agentId: agentId ?? null,
    ...(scope ? { scope } : {}),
    allowedDecisions
  }
}

export const approvals = {
  'approval.get': method({
    scope: 'operator.approvals',
    changes: false,
    params: Type.Object({ id }),
    result: openObject,
    handle: async ({ id }, { rooms }) => ({ approval: snapshotOf(await rooms.approvals.get(id)) })
  }),
  'approval.resolve': method({
    scope: 'operator.approvals',
    params: Type.Object({
      id,
      kind: oneOf(kinds),
      decision: text(),
      reviewer: optional(openObject),
      grantExpiresInDays: optional(Type.Integer({ minimum: 1, maximum: 3650 }))
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ id, kind, decision }, { rooms, caller, connection }) {
      if (kind === 'system-agent') throw new GatewayError('APPROVAL_UNKNOWN', { details: { id } })
      const { applied, record } = await rooms.approvals.resolve(id, checkedDecision(decision), resolverOf(caller, connection), kind)
      return { applied, approval: snapshotOf(record) }
    }
  }),
  'approval.history': method({
    scope: 'operator.approvals',
    changes: false,
    params: Type.Object({
      cursor: optional(text({ maxLength: 512 })), limit: optional(Type.Integer({ minimum: 1, maximum: 100 })), kind: optional(oneOf(kinds))
    }),
    result: openObject,
    async handle (query, { rooms }) {
      const { items, nextCursor } = await rooms.approvals.history(query)
      return { items: items.map(snapshotOf), ...(nextCursor ? { nextCursor } : {}) }
    }
  }),
  'plugin.approval.request': method({
    scope: 'operator.approvals',
    params: Type.Object(pluginFields, { additionalProperties: false }),
    result: openObject,
    async handle (params, context) {
      const { timeoutMs = pluginTimeoutMs, twoPhase = false, approvalReviewerDeviceIds: _devices, ...request } = params
      const allowedDecisions = params.allowedDecisions ?? decisions
      const { agentId, sessionKey } = params
      const record = await context.rooms.approvals.request({
        kind: 'plugin',
        request: { ...request, allowedDecisions },
        presentation: pluginPresentation(request, allowedDecisions),
        ...(agentId ? { agentId } : {}),
        ...(sessionKey ? { sessionKey } : {}),
        timeoutMs
      })
      return await answerOf(record, twoPhase, context) as {}
    }
  }),
  'plugin.approval.waitDecision': method({
    scope: 'operator.approvals',
    changes: false,
    params: Type.Object({ id }),
    result: openObject,
    handle: async ({ id }, { rooms, signal }) => waited(await rooms.approvals.wait(id, signal, 'plugin'))
  }),
  'plugin.approval.resolve': method({
    scope: 'operator.approvals',
    params: Type.Object({ id, decision: text(), reviewer: optional(openObject) }, { additionalProperties: false }),
    result: okResult,
    handle: (params, { rooms, caller, connection }) => decide(rooms, 'plugin', params, resolverOf(caller, connection))
  }),
  'plugin.approval.list': method({
    scope: 'operator.approvals',
    changes: false,
    params: openObject,
    result: openList,
    handle: async (_params, { rooms }) => (await rooms.approvals.pending('plugin')).map(listed)
  })
}
