/** Looking at sessions: lists, rows, transcripts, and being told what becomes of them. */
import { GatewayError } from '../protocol/errors.ts'
import { oneOf, Type, type Static } from '../protocol/type.ts'
import { RawJson } from '../rpc/define-method.ts'
import type { SessionRecord } from '../sessions/record.ts'
import type { SessionsRoom } from '../sessions/sessions.ts'
import { wireMessage } from '../sessions/wire-message.ts'
import { snapshotOf } from '../tools/approvals/record.ts'
import { method, type Rooms } from './rooms.ts'
import { candidate, candidates } from './session-candidates.ts'
import { sessionRead } from './session-scopes.ts'
import { openObject, text } from './shapes.ts'

const key = text({ maxLength: 512 })
const optional = Type.Optional

const ListParams = Type.Object({
  limit: optional(Type.Integer({ minimum: 1 })),
  offset: optional(Type.Integer({ minimum: 0 })),
  activeMinutes: optional(Type.Integer({ minimum: 1 })),
  activeOnly: optional(Type.Boolean()),
  requireLastInteraction: optional(Type.Boolean()),
  sortBy: optional(oneOf(['updatedAt', 'lastInteractionAt', 'lastActivityAt', 'activity'])),
  includeGlobal: optional(Type.Boolean()),
  includeUnknown: optional(Type.Boolean()),
  configuredAgentsOnly: optional(Type.Boolean()),
  includeDerivedTitles: optional(Type.Boolean()),
  includeLastMessage: optional(Type.Boolean()),
  label: optional(text({ maxLength: 512 })),
  spawnedBy: optional(text()),
  agentId: optional(text()),
  search: optional(Type.String({ maxLength: 512 })),
  kinds: optional(Type.Array(text(), { maxItems: 20 })),
  archived: optional(Type.Union([Type.Boolean(), Type.Literal('all')]))
}, { additionalProperties: false })
type ListParams = Static<typeof ListParams>

const named = new Set(Object.keys(ListParams.properties))

/** Only what we understand names a list: a field of a newer client must not make it another one. */
function listQuery (params: ListParams): ListParams {
  const query: { [field: string]: unknown } = {}
  for (const [field, value] of Object.entries(params)) if (named.has(field)) query[field] = value
  return query as ListParams
}

const unknownSession = (name: string): GatewayError =>
  new GatewayError('SESSION_UNKNOWN', { message: `session not found: ${name}`, details: { key: name } })

/** The session that a client means; it must exist. */
export async function existing (sessions: SessionsRoom, name: string, agentId?: string): Promise<SessionRecord> {
  const target = sessions.locate(name, agentId)
  await sessions.ready
  const record = sessions.get(target.key)
  if (!record) throw unknownSession(target.name)
  return record
}

const maxPreviewKeys = 200

function previewOf (rooms: Rooms, name: string, limit: number, maxChars: number) {
  const record = rooms.sessions.get(rooms.sessions.locate(name).key)
  if (!record) return { key: name, status: 'missing', items: [] }
  const items = (record.preview ?? []).slice(-limit)
    .map(({ role, text }) => ({ role, text: text.length > maxChars ? `${text.slice(0, maxChars - 1)}…` : text }))
  return { key: name, status: items.length > 0 ? 'ok' : 'empty', items }
}

const defaultMessages = 200
const maxMessages = 1_000

export const sessions = {
  'sessions.list': method({
    scope: sessionRead,
    changes: false,
    params: ListParams,
    result: openObject,
    async handle (params, { rooms }) {
      await rooms.sessions.ready
      return new RawJson(rooms.sessions.list(listQuery(params)))
    }
  }),
  'sessions.subscribe': method({
    scope: sessionRead,
    changes: false,
    needsConnection: true,
    params: ListParams,
    result: openObject,
    async handle (params, { rooms, connection }) {
      rooms.sessions.subscribers.followChanges(connection.id)
      const query = listQuery(params)
      if (Object.keys(query).length === 0) return { subscribed: true }
      await rooms.sessions.ready
      return new RawJson(`{"subscribed":true,"list":${rooms.sessions.list(query)}}`)
    }
  }),
  'sessions.messages.subscribe': method({
    scope: sessionRead,
    changes: false,
    needsConnection: true,
    params: Type.Object({
      key, agentId: optional(text()), includeApprovals: optional(Type.Literal(true))
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ key, agentId, includeApprovals }, { rooms, connection, caller }) {
      const target = rooms.sessions.target(key, agentId)
      rooms.sessions.subscribers.followMessages(connection.id, target.key)
      if (!includeApprovals) return { subscribed: true, key: target.key }
      const pending = caller.allows.has('operator.approvals') ? await rooms.approvals.pending() : []
      const approvals = pending.filter(({ sessionKey }) => sessionKey === target.key).map(snapshotOf)
      const approvalReplay = { sessionKey: target.key, updatedAtMs: rooms.now(), approvals, truncated: false }
      return { subscribed: true, key: target.key, approvalReplay }
    }
  }),
  'sessions.messages.unsubscribe': method({
    scope: sessionRead,
    changes: false,
    needsConnection: true,
    params: Type.Object({ key, agentId: optional(text()) }, { additionalProperties: false }),
    result: openObject,
    handle ({ key, agentId }, { rooms, connection }) {
      const target = rooms.sessions.target(key, agentId)
      rooms.sessions.subscribers.unfollowMessages(connection.id, target.key)
      return { subscribed: false, key: target.key }
    }
  }),
  'sessions.describe': method({
    scope: sessionRead,
    changes: false,
    params: Type.Object({
      key, agentId: optional(text()), includeDerivedTitles: optional(Type.Boolean()), includeLastMessage: optional(Type.Boolean())
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ key, agentId, ...query }, { rooms }) {
      const target = rooms.sessions.locate(key, agentId)
      await rooms.sessions.ready
      return new RawJson(`{"session":${rooms.sessions.describe(target.key, query) ?? 'null'}}`)
    }
  }),
  'sessions.get': method({
    scope: sessionRead,
    changes: false,
    params: Type.Object({
      key,
      agentId: optional(text()),
      limit: optional(Type.Integer({ minimum: 1, maximum: maxMessages })),
      before: optional(Type.Integer({ minimum: 1 }))
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ key, agentId, limit = defaultMessages, before }, { rooms }) {
      const record = await existing(rooms.sessions, key, agentId)
      const page = await rooms.sessions.lines.tail(record.key, { limit, ...(before === undefined ? {} : { before }) })
      const first = page[0]?.seq ?? 1
      return {
        key: record.key,
        sessionId: record.sessionId,
        messages: page.map(line => wireMessage(record.sessionId, line)).filter(message => message !== undefined),
        hasMore: first > 1,
        ...(first > 1 ? { nextBefore: first } : {})
      }
    }
  }),
  'sessions.resolve': method({
    scope: sessionRead,
    changes: false,
    params: Type.Object({
      key: optional(key),
      sessionId: optional(text()),
      label: optional(text({ maxLength: 512 })),
      shortId: optional(text()),
      slugHint: optional(text()),
      reference: optional(Type.Object({ key: optional(key), sessionId: optional(text()), label: optional(text({ maxLength: 512 })) })),
      agentId: optional(text()),
      spawnedBy: optional(text()),
      includeGlobal: optional(Type.Boolean()),
      includeUnknown: optional(Type.Boolean()),
      allowMissing: optional(Type.Boolean())
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ reference, ...rest }, { rooms }) {
      const params = { ...rest, ...reference }
      await rooms.sessions.ready
      const found = candidates(rooms.sessions, params)
      if (found.length === 1) return { ok: true, ...candidate(found[0]!) }
      if (found.length > 1) return { ok: false, candidates: found.slice(0, 10).map(candidate) }
      if (params.allowMissing) return { ok: false }
      const name = params.key ?? params.sessionId ?? params.label ?? params.shortId ?? ''
      throw new GatewayError('SESSION_UNKNOWN', { message: `No session found: ${name}`, details: { key: name } })
    }
  }),
  'sessions.preview': method({
    scope: sessionRead,
    changes: false,
    params: Type.Object({
      keys: Type.Array(key, { minItems: 1 }),
      limit: optional(Type.Integer({ minimum: 1 })),
      maxChars: optional(Type.Integer({ minimum: 20 }))
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ keys, limit = 4, maxChars = 200 }, { rooms }) {
      await rooms.sessions.ready
      return { ts: rooms.now(), previews: keys.slice(0, maxPreviewKeys).map(name => previewOf(rooms, name, limit, maxChars)) }
    }
  }),
  'sessions.search': method({
    scope: sessionRead,
    changes: false,
    params: Type.Object({
      agentId: optional(text()),
      sessionKeys: optional(Type.Array(key, { minItems: 1, maxItems: 200 })),
      query: text({ maxLength: 4096 }),
      limit: optional(Type.Integer({ minimum: 1, maximum: 25 }))
    }, { additionalProperties: false }),
    result: openObject,
    handle: ({ sessionKeys, agentId, ...query }, { rooms }) => rooms.sessions.search({
      ...query,
      ...(agentId === undefined ? {} : { agentId: agentId.toLowerCase() }),
      ...(sessionKeys ? { sessionKeys: sessionKeys.map(name => rooms.sessions.target(name, agentId).key) } : {})
    })
  }),
  'sessions.branches.list': method({
    scope: sessionRead,
    changes: false,
    params: Type.Object({ sessionKey: key, agentId: optional(text()) }, { additionalProperties: false }),
    result: openObject,
    // A transcript is a line here, not a tree: there is the one branch that goes on.
    async handle ({ sessionKey, agentId }, { rooms }) {
      const target = rooms.sessions.locate(sessionKey, agentId)
      await rooms.sessions.ready
      const record = rooms.sessions.get(target.key)
      if (!record?.leafId) return { branches: [] }
      const headline = record.preview?.at(-1)?.text ?? record.derivedTitle ?? ''
      return {
        branches: [{
          leafEntryId: record.leafId,
          headline,
          messageCount: record.messageCount ?? 0,
          updatedAt: new Date(record.updatedAt).toISOString(),
          active: true
        }]
      }
    }
  }),
  'sessions.observer.visibility': method({
    scope: sessionRead,
    changes: false,
    params: Type.Object({ visible: Type.Boolean() }, { additionalProperties: false }),
    result: openObject,
    // Nothing is watched on behalf of a page, so there is nothing to pause.
    handle: () => ({ ok: true })
  }),
  'sessions.viewers.set': method({
    scope: sessionRead,
    changes: false,
    needsConnection: true,
    params: Type.Object({
      agentId: optional(text()), sessionKeys: Type.Array(key, { maxItems: 32 })
    }, { additionalProperties: false }),
    result: openObject,
    handle ({ sessionKeys, agentId }, { rooms, connection }) {
      const keys = [...new Set(sessionKeys.map(name => rooms.sessions.target(name, agentId).key))]
      rooms.sessions.subscribers.view(connection.id, keys)
      return { sessionKeys: keys }
    }
  })
}
