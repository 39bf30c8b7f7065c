/** The commands that wait for a person, and the document that says which need not. */
import type { Caller } from '../auth/caller.ts'
import { GatewayError } from '../protocol/errors.ts'
import { oneOf, Type } from '../protocol/type.ts'
import type { MethodConnection } from '../rpc/connection.ts'
import { execTimeoutMs } from '../tools/approvals/consents.ts'
import type { ApprovalsFile } from '../tools/approvals/document.ts'
import {
  decisionOf, decisions, execPresentation, execRequest,
  type ApprovalKind, type ApprovalRecord, type Decision, type ExecQuestion, type Resolver
} from '../tools/approvals/record.ts'
import { method, type Rooms } from './rooms.ts'
import { noParams, okResult, openList, openObject, text } from './shapes.ts'

const optional = Type.Optional
const id = text({ maxLength: 512 })
const nullable = optional(Type.Union([Type.String({ maxLength: 4096 }), Type.Null()]))
const reviewer = optional(openObject)
const longestMs = 86_400_000

export const resolverOf = ({ deviceId, method: by }: Caller, { client }: MethodConnection): Resolver =>
  by === 'device-token' && deviceId ? { kind: 'device', id: deviceId } : { kind: 'runtime', id: client?.id ?? 'gateway-client' }

export function checkedDecision (decision: string): Decision {
  const known = decisions.find(word => word === decision)
  const details = { decision: decision.slice(0, 64), allowedDecisions: decisions }
  if (!known) throw new GatewayError('INVALID_PARAMS', { message: 'invalid decision', details })
  return known
}

export const listed = ({ id, request, createdAtMs, expiresAtMs, kind: approvalKind }: ApprovalRecord) =>
  ({ id, request, createdAtMs, expiresAtMs, approvalKind })

/** The decision, or null when there is none to act on. */
export const answer = (record: ApprovalRecord) => ({
  id: record.id,
  decision: decisionOf(record),
  createdAtMs: record.createdAtMs,
  expiresAtMs: record.expiresAtMs
})

export const waited = (record: ApprovalRecord) =>
  ({ ...answer(record), ...(record.outcome ? { terminalReason: record.outcome.reason } : {}) })

/** Says that it has been heard, if that is wanted, and then the decision. */
export async function answerOf (record: ApprovalRecord, twoPhase: boolean, { rooms, signal, respondFirst }: {
  readonly rooms: Rooms, readonly signal: AbortSignal, respondFirst (payload: object): void
}): Promise<object> {
  if (record.outcome) return answer(record)
  const { id, createdAtMs, expiresAtMs } = record
  if (twoPhase) respondFirst({ status: 'accepted', id, deliveryRoute: 'approval-client', createdAtMs, expiresAtMs })
  return answer(await rooms.approvals.wait(id, signal))
}

interface Verdict {
  readonly id: string
  readonly decision: string
}

/** The older way to decide: who comes second is refused. */
export async function decide ({ approvals }: Rooms, kind: ApprovalKind, { id, decision }: Verdict, by: Resolver): Promise<{ ok: true }> {
  const { applied } = await approvals.resolve(id, checkedDecision(decision), by, kind)
  if (!applied) throw new GatewayError('APPROVAL_ALREADY_RESOLVED', { details: { id } })
  return { ok: true }
}

const requestFields = {
  id: optional(id),
  command: optional(text({ maxLength: 65_536 })),
  commandArgv: optional(Type.Array(Type.String())),
  systemRunPlan: optional(openObject),
  env: optional(Type.Record(Type.String(), Type.String())),
  cwd: nullable,
  nodeId: nullable,
  host: nullable,
  security: nullable,
  ask: nullable,
  warningText: nullable,
  scope: optional(openObject),
  unavailableDecisions: optional(Type.Array(oneOf(['allow-always']), { minItems: 1, maxItems: 1 })),
  commandSpans: optional(openList),
  agentId: nullable,
  resolvedPath: nullable,
  sessionKey: nullable,
  sessionId: nullable,
  runId: nullable,
  toolCallId: nullable,
  turnSourceChannel: nullable,
  turnSourceTo: nullable,
  turnSourceAccountId: nullable,
  turnSourceThreadId: optional(Type.Union([Type.String(), Type.Number(), Type.Null()])),
  approvalReviewerDeviceIds: optional(Type.Array(text())),
  requireDeliveryRoute: optional(Type.Boolean()),
  suppressDelivery: optional(Type.Boolean()),
  deliverToApprovalClientsOnly: optional(Type.Boolean()),
  timeoutMs: optional(Type.Integer({ minimum: 1 })),
  twoPhase: optional(Type.Boolean())
}

function commandOf (params: { command?: string, commandArgv?: string[], systemRunPlan?: {} }): string {
  const planned = (params.systemRunPlan as { commandText?: unknown } | undefined)?.commandText
  const command = params.command ?? (typeof planned === 'string' ? planned : params.commandArgv?.join(' '))
  if (!command?.trim()) throw new GatewayError('INVALID_PARAMS', { message: 'command is required', details: { field: 'command' } })
  return command
}

const agentRules = Type.Object({
  security: optional(Type.String()),
  ask: optional(Type.String()),
  askFallback: optional(Type.String()),
  autoAllowSkills: optional(Type.Boolean()),
  allowlist: optional(Type.Array(Type.Object({
    id: optional(text()),
    pattern: Type.String({ maxLength: 4096 }),
    source: optional(Type.Literal('allow-always')),
    commandText: optional(Type.String()),
    argPattern: optional(Type.String({ maxLength: 4096 })),
    lastUsedAt: optional(Type.Number({ minimum: 0 })),
    lastUsedCommand: optional(Type.String()),
    lastResolvedPath: optional(Type.String())
  }, { additionalProperties: false }))),
  mcpTools: optional(Type.Array(openObject))
}, { additionalProperties: false })

const file = Type.Object({
  version: Type.Literal(1),
  socket: optional(openObject),
  defaults: optional(Type.Object({
    security: optional(Type.String()),
    ask: optional(Type.String()),
    askFallback: optional(Type.String()),
    autoAllowSkills: optional(Type.Boolean())
  }, { additionalProperties: false })),
  agents: optional(Type.Record(Type.String(), agentRules))
}, { additionalProperties: false })

export const execApprovals = {
  'exec.approval.request': method({
    scope: 'operator.approvals',
    params: Type.Object(requestFields, { additionalProperties: false }),
    result: openObject,
    async handle (params, context) {
      const { timeoutMs = execTimeoutMs, twoPhase = false, unavailableDecisions = [] } = params
      const allowedDecisions = decisions.filter(decision => !unavailableDecisions.some(missing => missing === decision))
      const question = { ...params, command: commandOf(params), allowedDecisions } as ExecQuestion
      const { agentId, sessionKey, runId } = params
      const record = await context.rooms.approvals.request({
        kind: 'exec',
        ...(params.id ? { id: params.id } : {}),
        request: execRequest(question),
        presentation: execPresentation(question),
        ...(agentId ? { agentId } : {}),
        ...(sessionKey ? { sessionKey } : {}),
        ...(runId ? { runId } : {}),
        timeoutMs: Math.min(timeoutMs, longestMs)
      })
      return await answerOf(record, twoPhase, context) as {}
    }
  }),
  'exec.approval.waitDecision': method({
    scope: 'operator.approvals',
    changes: false,
    params: Type.Object({ id }),
    result: openObject,
    handle: async ({ id }, { rooms, signal }) => waited(await rooms.approvals.wait(id, signal, 'exec'))
  }),
  'exec.approval.resolve': method({
    scope: 'operator.approvals',
    params: Type.Object({
      id, decision: text(), reviewer, grantExpiresInDays: optional(Type.Integer({ minimum: 1, maximum: 3650 }))
    }, { additionalProperties: false }),
    result: okResult,
    handle: (params, { rooms, caller, connection }) => decide(rooms, 'exec', params, resolverOf(caller, connection))
  }),
  'exec.approval.get': method({
    scope: 'operator.approvals',
    changes: false,
    params: Type.Object({ id }),
    result: openObject,
    async handle ({ id }, { rooms }) {
      const { presentation, expiresAtMs, outcome } = await rooms.approvals.get(id, 'exec')
      if (outcome) throw new GatewayError('APPROVAL_ALREADY_RESOLVED', { details: { id } })
      const { commandText, commandPreview, allowedDecisions, host, nodeId, agentId } = presentation
      return { id, commandText, commandPreview, allowedDecisions, host, nodeId, agentId, expiresAtMs }
    }
  }),
  'exec.approval.list': method({
    scope: 'operator.approvals',
    changes: false,
    params: openObject,
    result: openList,
    handle: async (_params, { rooms }) => (await rooms.approvals.pending('exec')).map(listed)
  }),
  'exec.approvals.get': method({
    scope: 'operator.admin',
    changes: false,
    params: noParams,
    result: openObject,
    handle: (_params, { rooms }) => rooms.approvalsDocument.read()
  }),
  'exec.approvals.set': method({
    scope: 'operator.admin',
    controlPlane: true,
    params: Type.Object({ file, baseHash: optional(text()) }, { additionalProperties: false }),
    result: openObject,
    handle ({ file: { socket: _socket, ...given }, baseHash }, { rooms }) {
      return rooms.approvalsDocument.replace(given as ApprovalsFile, baseHash)
    }
  })
}
