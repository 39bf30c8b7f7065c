/** The log of acts: what runs and tools did, for whoever may read; everything else, and its proof, for administrators. */
import { actKinds, actOutcomes, type ActOutcome, type AuditEntry, type AuditPage } from '../audit/act.ts'
import { Type, oneOf } from '../protocol/type.ts'
import { method, type Rooms } from './rooms.ts'
import { openObject, text } from './shapes.ts'

const optional = Type.Optional
const statuses = ['started', 'succeeded', 'failed', 'cancelled', 'timed_out', 'blocked', 'unknown'] as const
type Status = typeof statuses[number]

const statusOf: { readonly [outcome in ActOutcome]: Status } = {
  started: 'started', ok: 'succeeded', failed: 'failed', aborted: 'cancelled', timeout: 'timed_out', refused: 'blocked'
}

const listed = {
  agentId: optional(text({ maxLength: 256 })),
  sessionKey: optional(text({ maxLength: 512 })),
  runId: optional(text({ maxLength: 256 })),
  status: optional(oneOf(statuses)),
  after: optional(Type.Integer({ minimum: 0 })),
  before: optional(Type.Integer({ minimum: 0 })),
  limit: optional(Type.Integer({ minimum: 1, maximum: 500 })),
  cursor: optional(Type.String({ pattern: '^\\d{1,15}$' }))
}

interface ActivityQuery {
  readonly agentId?: string
  readonly sessionKey?: string
  readonly runId?: string
  readonly kind?: string
  readonly status?: Status
  readonly after?: number
  readonly before?: number
  readonly limit?: number
  readonly cursor?: string
}

/** In the shape of the contract's ledger. */
function activityOf ({ seq, at, hash, kind, act, outcome, about = {} }: AuditEntry): object {
  const status = statusOf[outcome]
  const noun = kind === 'run' ? 'run' : 'tool'
  return {
    eventId: hash,
    sequence: seq,
    sourceSequence: seq,
    occurredAt: Date.parse(at),
    kind: kind === 'run' ? 'agent_run' : 'tool_action',
    action: act,
    status,
    ...(status === 'started' || status === 'succeeded' ? {} : { errorCode: `${noun}_${status}` }),
    actor: { type: 'agent', id: about.agentId },
    agentId: about.agentId,
    runId: about.runId,
    ...(about.sessionKey ? { sessionKey: about.sessionKey } : {}),
    ...(about.sessionId ? { sessionId: about.sessionId } : {}),
    ...(about.toolCallId ? { toolCallId: about.toolCallId, toolName: about.tool } : {}),
    redaction: 'metadata_only'
  }
}

async function activity (query: ActivityQuery, rooms: Rooms): Promise<{ events: object[], nextCursor?: string }> {
  const { agentId, sessionKey, runId, kind, status, after, before, limit = 100, cursor } = query
  const outcome = (Object.keys(statusOf) as ActOutcome[]).find(name => statusOf[name] === status)
  // Messages are not noted, and nothing ends without a status.
  if (kind === 'message' || (status !== undefined && outcome === undefined)) return { events: [] }
  const wanted = Object.entries({ agentId, sessionKey, runId }).filter((fact): fact is [string, string] => fact[1] !== undefined)
  const { entries, next } = await rooms.audit.list({
    kinds: kind === 'agent_run' ? ['run'] : kind === 'tool_action' ? ['tool'] : ['run', 'tool'],
    acts: ['agent.run.', 'tool.action.'],
    limit,
    about: Object.fromEntries(wanted),
    ...(outcome === undefined ? {} : { outcome }),
    ...(after === undefined ? {} : { afterMs: after }),
    ...(before === undefined ? {} : { beforeMs: before }),
    ...(cursor === undefined ? {} : { cursor: Number(cursor) })
  })
  return { events: entries.map(activityOf), ...(next === undefined ? {} : { nextCursor: String(next) }) }
}

const ActsParams = Type.Object({
  kinds: optional(Type.Array(oneOf(actKinds), { minItems: 1, maxItems: actKinds.length })),
  act: optional(text({ maxLength: 128 })),
  outcome: optional(oneOf(actOutcomes)),
  principal: optional(text({ maxLength: 256 })),
  afterMs: optional(Type.Integer({ minimum: 0 })),
  beforeMs: optional(Type.Integer({ minimum: 0 })),
  limit: optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  cursor: optional(Type.Integer({ minimum: 0 })),
  order: optional(oneOf(['newest', 'oldest']))
}, { additionalProperties: false })

export const audit = {
  'audit.activity.list': method({
    scope: 'operator.read',
    params: Type.Object({
      ...listed,
      kind: optional(oneOf(['agent_run', 'tool_action', 'message'])),
      direction: optional(oneOf(['inbound', 'outbound'])),
      channel: optional(text({ maxLength: 128 }))
    }, { additionalProperties: false }),
    result: openObject,
    async handle (params, { rooms }) {
      // Only messages have a direction and a channel.
      if (params.direction !== undefined || params.channel !== undefined) return { events: [] }
      const { events, ...more } = await activity(params as ActivityQuery, rooms)
      return { events: events.map(event => ({ eventType: (event as { kind: string }).kind, schemaVersion: 1, ...event })), ...more }
    }
  }),
  'audit.list': method({
    scope: 'operator.read',
    params: Type.Object({ ...listed, kind: optional(oneOf(['agent_run', 'tool_action'])) }, { additionalProperties: false }),
    result: openObject,
    handle: async (params, { rooms }) => await activity(params as ActivityQuery, rooms)
  }),
  /** All acts, with who did them and from where. */
  'audit.acts': method({
    scope: 'operator.admin',
    changes: false,
    params: ActsParams,
    result: openObject,
    async handle (params, { rooms }) {
      const page = { ...params, limit: params.limit ?? 100 } as AuditPage
      const { entries, next } = await rooms.audit.list(page)
      return { entries, ...(next === undefined ? {} : { next }), facts: rooms.audit.facts() }
    }
  }),
  'audit.verify': method({
    scope: 'operator.admin',
    changes: false,
    params: Type.Object({ head: optional(Type.String({ pattern: '^\\d{1,15}:[\\w-]{43}$' })) }, { additionalProperties: false }),
    result: openObject,
    handle: async ({ head }, { rooms }) => ({ ...await rooms.audit.verify(head) })
  })
}
