import type { PendingInput } from '../agent/room.ts'
import { visibleReply } from '../agent/replies.ts'
import { GatewayError } from '../protocol/errors.ts'
import { Type } from '../protocol/type.ts'
import { RawJson } from '../rpc/define-method.ts'
import { cursorOf } from '../sessions/display/cursor.ts'
import { readAround, readDelta, readMessage, readPage, type Page } from '../sessions/display/history.ts'
import { writeNote } from '../sessions/note.ts'
import type { SessionRecord } from '../sessions/record.ts'
import type { SessionTarget } from '../sessions/room.ts'
import { metadataOf } from './commands.ts'
import { method, type Rooms } from './rooms.ts'
import { sessionRead } from './session-scopes.ts'
import { openObject, text } from './shapes.ts'

const { Optional: optional } = Type

const HistoryParams = Type.Object({
  sessionKey: text({ maxLength: 512 }),
  agentId: optional(text()),
  cursor: optional(Type.String()),
  limit: optional(Type.Integer({ minimum: 1, maximum: 1000 })),
  offset: optional(Type.Integer({ minimum: 0 })),
  pendingBefore: optional(Type.Integer({ minimum: 1 })),
  inputRunIds: optional(Type.Array(text({ maxLength: 256 }), { minItems: 1, maxItems: 50, uniqueItems: true })),
  messageId: optional(text()),
  sessionId: optional(text()),
  maxChars: optional(Type.Integer({ minimum: 1, maximum: 500_000 })),
  maxBytes: optional(Type.Integer({ minimum: 1 }))
}, { additionalProperties: false })

interface HistoryQuery {
  readonly sessionKey: string
  readonly agentId?: string
  readonly cursor?: string
  readonly limit?: number
  readonly offset?: number
  readonly pendingBefore?: number
  readonly inputRunIds?: readonly string[]
  readonly messageId?: string
  readonly sessionId?: string
  readonly maxChars?: number
  readonly maxBytes?: number
}

const defaultLimit = 200
const defaultMaxChars = 8_000
/** Of the messages of one page. */
const mostBytes = 6 * 1024 * 1024
const maxPendingItems = 20

/** What belongs to every answer about a conversation. */
interface View {
  readonly rooms: Rooms
  readonly target: SessionTarget
  readonly record: SessionRecord | undefined
  readonly pending: readonly PendingInput[]
}

function pendingInputs ({ pending }: View, before: number | undefined): object {
  const end = Math.min(pending.length, (before ?? pending.length + 1) - 1)
  const start = Math.max(0, end - maxPendingItems)
  return {
    items: pending.slice(start, end).map(({ runId, text, state, atMs }) => ({
      id: runId,
      runId,
      message: { role: 'user', content: text, timestamp: atMs },
      acceptedAt: atMs,
      // The contract's word for what has to be sent again.
      state: state === 'parked' ? 'interrupted' : state
    })),
    total: pending.length,
    ...(start > 0 ? { nextBefore: start + 1 } : {})
  }
}

/** Which of these requests wait and which stand on the lines that were read. */
function inputReceipts ({ pending }: View, { lines }: Pick<Page, 'lines'>, runIds: readonly string[]): object[] {
  const waiting = new Set(pending.map(({ runId }) => runId))
  const places = new Map(lines.flatMap(({ id, value }) => value.type === 'message' && value.message.role === 'user'
    ? [[value.message.idempotencyKey?.replace(/:user$/, '') ?? '', id], [value.runId ?? '', id]]
    : []))
  return runIds.flatMap((runId): object[] => {
    if (waiting.has(runId)) return [{ runId, state: 'pending' }]
    const consumedByEventId = places.get(runId)
    return consumedByEventId ? [{ runId, state: 'consumed', consumedByEventId }] : []
  })
}

function sessionInfo ({ rooms, target, record }: View): object {
  const active = rooms.runs.active(target.key).map(({ runId }) => runId)
  const activity = { hasActiveRun: active.length > 0, activeRunIds: active, snapshotAt: rooms.now() }
  if (!record) return { key: target.key, agentId: target.agentId, ...activity, activeLeafEntryId: null }
  return { ...rooms.sessions.row(target.key), ...activity, activeLeafEntryId: record.leafId ?? null }
}

function inFlightRun ({ rooms, target }: View): object {
  const [run] = rooms.runs.active(target.key)
  return run ? { inFlightRun: { runId: run.runId, startedAt: run.startedAtMs, text: visibleReply(run.text, false) } } : {}
}

function surroundings (view: View, query: HistoryQuery, page: Pick<Page, 'lines'>): object {
  return {
    pendingInputs: pendingInputs(view, query.pendingBefore),
    ...(query.inputRunIds ? { inputReceipts: inputReceipts(view, page, query.inputRunIds) } : {}),
    sessionInfo: sessionInfo(view),
    ...inFlightRun(view)
  }
}

/** Messages are JSON already. */
function withMessages (head: object, messages: readonly string[], rest: object): RawJson {
  return new RawJson(`${JSON.stringify(head).slice(0, -1)},"messages":[${messages.join(',')}],${JSON.stringify(rest).slice(1)}`)
}

function settingsOf ({ rooms, target, record }: View): object {
  const { model } = rooms.models.route(target.agentId)
  return {
    defaults: { modelProvider: model.provider, model: model.id, contextTokens: model.contextWindow },
    ...(record ? { thinkingLevel: record.thinkingLevel ?? rooms.sessions.factsOf(record).thinkingDefault } : {})
  }
}

/** A generation of this conversation, current or earlier. */
function checkGeneration ({ sessionId, generations }: SessionRecord, asked: string | undefined): void {
  if (asked === undefined || asked === sessionId || generations?.includes(asked)) return
  throw new GatewayError('SESSION_UNKNOWN', { message: `session not found: ${asked}`, details: { sessionId: asked } })
}

async function viewOf ({ sessionKey, agentId }: HistoryQuery, rooms: Rooms): Promise<View> {
  const target = rooms.sessions.target(sessionKey, agentId)
  await rooms.sessions.ready
  return { rooms, target, record: rooms.sessions.get(target.key), pending: rooms.runs.pending(target.key) }
}

async function catchUp (view: View, query: HistoryQuery, more: object): Promise<RawJson | { kind: 'reset' }> {
  const { rooms, record } = view
  const delta = record && await readDelta(rooms.sessions.lines, record, query.cursor!, query.maxChars ?? defaultMaxChars)
  if (!delta) return { kind: 'reset' }
  return withMessages({ kind: 'delta' }, delta.messages, { deltaCursor: delta.cursor, ...surroundings(view, query, delta), ...more })
}

async function around (view: View & { record: SessionRecord }, query: HistoryQuery, more: object): Promise<RawJson> {
  const { rooms, record, target } = view
  const { messageId = '', limit = defaultLimit, maxChars = defaultMaxChars, maxBytes = mostBytes, sessionId } = query
  const page = await readAround(rooms.sessions.lines, record, messageId, {
    limit, maxChars, maxBytes: Math.min(maxBytes, mostBytes), ...(sessionId ? { sessionId } : {})
  })
  if (!page) throw new GatewayError('NOT_FOUND', { message: `message not found: ${messageId}`, details: { messageId } })
  const head = { sessionKey: target.name, sessionId: sessionId ?? record.sessionId }
  return withMessages(head, page.messages, { ...surroundings(view, query, page), ...settingsOf(view), ...more })
}

async function history (query: HistoryQuery, rooms: Rooms, more: object = {}) {
  const view = await viewOf(query, rooms)
  const { record, target } = view
  if (query.cursor !== undefined) return catchUp(view, query, more)
  if (!record) {
    const nothing = { ...surroundings(view, query, { lines: [] }), hasMore: false, totalMessages: 0 }
    return withMessages({ sessionKey: target.name }, [], { ...nothing, ...settingsOf(view), ...more })
  }
  checkGeneration(record, query.sessionId)
  if (query.messageId !== undefined) return around({ ...view, record }, query, more)
  const { limit = defaultLimit, offset = 0, maxChars = defaultMaxChars, maxBytes = mostBytes, sessionId } = query
  const page = await readPage(rooms.sessions.lines, record, {
    limit, offset, maxChars, maxBytes: Math.min(maxBytes, mostBytes), ...(sessionId ? { sessionId } : {})
  })
  const { messages, hasMore, nextOffset, totalMessages } = page
  const isCurrent = sessionId === undefined || sessionId === record.sessionId
  return withMessages({ sessionKey: target.name, sessionId: sessionId ?? record.sessionId }, messages, {
    ...surroundings(view, query, page),
    ...(isCurrent && offset === 0 ? { deltaCursor: cursorOf(record, record.lastSeq ?? 0) } : {}),
    hasMore,
    ...(nextOffset === undefined ? {} : { nextOffset }),
    totalMessages,
    ...settingsOf(view),
    ...more
  })
}

export const chatHistory = {
  'chat.history': method({
    scope: sessionRead,
    changes: false,
    params: HistoryParams,
    result: openObject,
    handle: (params, { rooms }) => history(params, rooms) as Promise<{}>
  }),
  'chat.startup': method({
    scope: sessionRead,
    changes: false,
    params: HistoryParams,
    result: openObject,
    async handle (params, { rooms }) {
      const { agentId } = rooms.sessions.target(params.sessionKey, params.agentId)
      return await history(params, rooms, { metadata: await metadataOf(rooms, agentId) }) as {}
    }
  }),
  'chat.message.get': method({
    scope: sessionRead,
    changes: false,
    params: Type.Object({
      sessionKey: text({ maxLength: 512 }),
      agentId: optional(text()),
      messageId: text(),
      maxChars: optional(Type.Integer({ minimum: 1, maximum: 2_000_000 }))
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ messageId, maxChars = 2_000_000, ...place }, { rooms }) {
      const { record } = await viewOf(place, rooms)
      return record ? readMessage(rooms.sessions.lines, record, messageId, maxChars) : { ok: false, unavailableReason: 'not_found' }
    }
  }),
  'chat.inject': method({
    scope: 'operator.admin',
    params: Type.Object({
      sessionKey: text({ maxLength: 512 }),
      agentId: optional(text()),
      message: text(),
      label: optional(Type.String({ maxLength: 100 }))
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ sessionKey, agentId, message, label }, { rooms }) {
      const { key, agentId: owner } = rooms.sessions.target(sessionKey, agentId)
      const body = label?.trim() ? `[${label.trim()}]\n\n${message}` : message
      const messageId = await writeNote(rooms, { sessionKey: key, agentId: owner, text: body })
      return { ok: true, messageId }
    }
  }),
  'chat.toolTitles': method({
    scope: 'operator.write',
    changes: false,
    params: Type.Object({
      sessionKey: text({ maxLength: 512 }), agentId: optional(text()), items: Type.Array(openObject, { minItems: 1, maxItems: 24 })
    }, { additionalProperties: false }),
    result: openObject,
    // Retired in the contract: tools say their names themselves.
    handle: () => ({ titles: {}, disabled: true })
  })
}
