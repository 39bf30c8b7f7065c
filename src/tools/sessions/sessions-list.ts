import { oneOf, Type } from '../../protocol/type.ts'
import { parseKey } from '../../sessions/keys.ts'
import type { SessionRecord } from '../../sessions/record.ts'
import type { Row } from '../../sessions/rows.ts'
import { defineTool } from '../define-tool.ts'
import type { Tool, ToolContext } from '../tool.ts'
import { answer } from './answers.ts'
import { channelOf, kindOf, modelOf, sessionFields } from './fields.ts'
import { readHistory } from './history.ts'
import type { SessionToolSources } from './ports.ts'
import { viewOf } from './visibility.ts'

const defaultLimit = 50
const maxLimit = 200
const maxMessages = 20
/** Of a whole answer, messages included. */
const maxBytes = 64 * 1024
const maxChildren = 50

const params = Type.Object({
  kinds: Type.Optional(Type.Array(oneOf(['main', 'group', 'cron', 'hook', 'node', 'subagent', 'other']), { maxItems: 16 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, description: `At most ${maxLimit}; ${defaultLimit} unless told.` })),
  offset: Type.Optional(Type.Integer({ minimum: 0 })),
  activeMinutes: Type.Optional(Type.Number({ minimum: 0, description: 'Only those in which something happened since.' })),
  activeOnly: Type.Optional(Type.Boolean({ description: 'Only those that work right now.' })),
  messageLimit: Type.Optional(Type.Integer({ minimum: 0, maximum: maxMessages, description: 'Newest messages of each.' })),
  search: Type.Optional(Type.String({ maxLength: 200, description: 'Part of a key, name or title.' })),
  agentId: Type.Optional(Type.String({ maxLength: 64 })),
  label: Type.Optional(Type.String({ maxLength: 512 })),
  spawnedBy: Type.Optional(Type.String({ maxLength: 512 })),
  archived: Type.Optional(Type.Union([Type.Boolean(), Type.Literal('all')]))
})

interface Query {
  readonly kinds?: readonly string[]
  readonly activeMinutes?: number
  readonly activeOnly?: boolean
  readonly search?: string
  readonly agentId?: string
  readonly label?: string
  readonly spawnedBy?: string
}

type Test = (row: Row) => boolean

function testsOf (query: Query, { now, sessions }: SessionToolSources): Test[] {
  const { kinds, activeMinutes, activeOnly, agentId, label, spawnedBy } = query
  const search = query.search?.trim().toLowerCase()
  const tests: Test[] = []
  if (kinds && kinds.length > 0) tests.push(({ record: { key } }) => kinds.includes(kindOf(key)) || kinds.includes(parseKey(key).kind))
  if (activeMinutes !== undefined) {
    const since = now() - activeMinutes * 60_000
    tests.push(({ record }) => record.updatedAt >= since)
  }
  if (activeOnly) tests.push(({ record }) => record.status === 'running')
  if (agentId !== undefined) tests.push(({ record }) => record.agentId === agentId.toLowerCase())
  if (label !== undefined) tests.push(({ record }) => record.label === label)
  if (spawnedBy !== undefined) tests.push(({ record }) => record.spawnedBy === spawnedBy)
  if (search) tests.push(row => sessions.parts.rows.haystack(row).includes(search))
  return tests
}

/** Children by the key of whoever began them, for the rows of one page. */
function childrenOf (page: readonly SessionRecord[], { sessions }: SessionToolSources): Map<string, string[]> {
  const children = new Map<string, string[]>(page.map(({ key }) => [key, []]))
  for (const { key, spawnedBy } of sessions.records()) {
    const list = spawnedBy === undefined ? undefined : children.get(spawnedBy)
    if (list && list.length < maxChildren) list.push(key)
  }
  return children
}

function rowOf (record: SessionRecord, children: readonly string[], sources: SessionToolSources): { [field: string]: unknown } {
  const { key, label, displayName, derivedTitle, spawnedBy, updatedAt, contextTokens, totalTokens, status, abortedLastRun } = record
  const title = displayName ?? label ?? derivedTitle
  return {
    key,
    ...sessionFields(record, sources),
    kind: kindOf(key),
    classification: parseKey(key).kind,
    channel: channelOf(record),
    ...(label ? { label } : {}),
    ...(title ? { displayName: sources.redact(title.slice(0, 200)) } : {}),
    archived: record.archived ?? false,
    pinned: record.pinned ?? false,
    updatedAt,
    ...(modelOf(record, sources) ?? {}),
    ...(contextTokens === undefined ? {} : { contextTokens }),
    ...(totalTokens === undefined ? {} : { totalTokens }),
    ...(status ? { status } : {}),
    abortedLastRun: abortedLastRun ?? false,
    ...(spawnedBy ? { spawnedBy } : {}),
    ...(children.length > 0 ? { childSessions: children } : {})
  }
}

interface Page { readonly records: SessionRecord[], readonly hasMore: boolean }

function pageOf (query: Query & { archived?: boolean | 'all' }, range: { limit: number, offset: number }, context: ToolContext, sources: SessionToolSources): Page {
  const which = query.archived === 'all' ? 'all' : query.archived === true ? 'archived' : 'active'
  const view = viewOf(context, sources)
  const tests = testsOf(query, sources)
  const records: SessionRecord[] = []
  let seen = 0
  for (const row of sources.sessions.parts.rows.ranking('activity').list(which)) {
    if (!tests.every(test => test(row)) || view.refusal(row.record.key) !== undefined) continue
    if (records.length >= range.limit) return { records, hasMore: true }
    if (seen++ >= range.offset) records.push(row.record)
  }
  return { records, hasMore: false }
}

/** Lists the conversations that can be reached. */
export const sessionsList = (sources: SessionToolSources): Tool => defineTool({
  name: 'sessions_list',
  description: 'Lists the conversations that can be reached, the most recent first.',
  params,
  capability: 'session.read',
  groups: ['sessions'],
  reach: 'anywhere',
  effects: false,
  async run ({ limit = defaultLimit, offset = 0, messageLimit = 0, ...query }, context) {
    await sources.sessions.ready
    const limitApplied = Math.min(limit, maxLimit)
    const page = pageOf(query, { limit: limitApplied, offset }, context, sources)
    const children = childrenOf(page.records, sources)
    const rows: object[] = []
    let bytes = 0
    for (const record of page.records) {
      const row = rowOf(record, children.get(record.key) ?? [], sources)
      if (messageLimit > 0) {
        const history = await readHistory(record, { limit: messageLimit, offset: 0, includeTools: false, maxBytes: maxBytes / 4 }, sources)
        row['messages'] = history.messages
      }
      bytes += Buffer.byteLength(JSON.stringify(row))
      if (rows.length > 0 && bytes > maxBytes) break
      rows.push(row)
    }
    const isCut = rows.length < page.records.length
    const hasMore = page.hasMore || isCut
    return answer({
      count: rows.length,
      sessions: rows,
      hasMore,
      limitApplied,
      ...(hasMore ? { nextOffset: offset + rows.length } : {}),
      ...(isCut ? { truncationReason: 'byte-limit' } : {}),
      ...(viewOf(context, sources).scope === 'all' ? {} : { visibility: viewOf(context, sources).scope })
    })
  }
})
