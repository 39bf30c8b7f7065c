/** Lists of sessions. A page is put together from rows that are JSON already, and kept until a session changes. */
import { createRecent } from '../lib/recent.ts'
import { shorten } from './projection.ts'
import type { SessionRecord } from './record.ts'
import type { Row, RowOrder, Rows } from './rows.ts'
import type { RowFacts } from './wire-row.ts'

export interface ListQuery {
  readonly limit?: number
  readonly offset?: number
  readonly activeMinutes?: number
  readonly activeOnly?: boolean
  readonly requireLastInteraction?: boolean
  readonly sortBy?: string
  readonly configuredAgentsOnly?: boolean
  readonly includeDerivedTitles?: boolean
  readonly includeLastMessage?: boolean
  readonly label?: string
  readonly spawnedBy?: string
  readonly agentId?: string
  readonly search?: string
  readonly kinds?: readonly string[]
  readonly archived?: boolean | 'all'
  readonly includeGlobal?: boolean
  readonly includeUnknown?: boolean
  /** What is left out is not counted either. */
  readonly mayRead?: (record: SessionRecord) => boolean
}

export interface ListingOptions {
  readonly rows: Rows
  readonly now: () => number
  readonly path: () => string
  readonly hasAgent: (agentId: string) => boolean
  /** What a new session of this agent would have. */
  readonly defaults: (agentId: string | undefined) => RowFacts
  /** Stands for the configuration that lists were written under. */
  readonly version: () => unknown
}

/** Where things lie on this host is nobody's business who does not see all of them. */
export const hiddenPath = '[redacted]'

export const defaultLimit = 100
export const maxLimit = 10_000
const keptPages = 16
const keptPageCharacters = 256 * 1024

type Test = (row: Row) => boolean

const isActive = ({ status }: SessionRecord): boolean => status === 'running'

/** One test for each filter that was asked for; none: every row passes. */
function testsOf (query: ListQuery, options: ListingOptions): Test[] {
  const tests: Test[] = []
  const { label, spawnedBy, agentId, activeMinutes, mayRead } = query
  const search = query.search?.trim().toLowerCase()
  if (mayRead) tests.push(({ record }) => mayRead(record))
  if (agentId !== undefined) tests.push(({ record }) => record.agentId === agentId.toLowerCase())
  if (query.configuredAgentsOnly) {
    const known = new Map<string, boolean>()
    tests.push(({ record: { agentId } }) => {
      let is = known.get(agentId)
      if (is === undefined) known.set(agentId, is = options.hasAgent(agentId))
      return is
    })
  }
  if (label !== undefined) tests.push(({ record }) => record.label === label)
  if (spawnedBy !== undefined) tests.push(({ record }) => record.spawnedBy === spawnedBy || record.parentSessionKey === spawnedBy)
  if (query.requireLastInteraction) tests.push(({ record }) => record.lastInteractionAt !== undefined)
  if (query.activeOnly) tests.push(({ record }) => isActive(record))
  if (query.kinds && query.kinds.length > 0) {
    const kinds = new Set(query.kinds)
    tests.push(({ kind }) => isOfKind(kinds, kind))
  }
  if (activeMinutes !== undefined) {
    const oldest = options.now() - activeMinutes * 60_000
    tests.push(({ record }) => record.updatedAt >= oldest)
  }
  if (search) tests.push(row => options.rows.haystack(row).includes(search))
  return tests
}

const namedKinds: ReadonlySet<string> = new Set(['main', 'group', 'channel', 'cron', 'hook'])

/** `group` means channels too; `other` is everything without a name of its own. */
const isOfKind = (kinds: ReadonlySet<string>, kind: string): boolean =>
  kinds.has(kind) || (kind === 'channel' && kinds.has('group')) || (kinds.has('other') && !namedKinds.has(kind))

const orders: { readonly [name: string]: RowOrder } = { lastInteractionAt: 'lastInteractionAt', activity: 'activity', lastActivityAt: 'activity' }

interface Page { rows: Row[], totalCount: number }

function pageOf (query: ListQuery, options: ListingOptions, limit: number, offset: number): Page {
  const which = query.archived === 'all' ? 'all' : query.archived === true ? 'archived' : 'active'
  const ranking = options.rows.ranking(orders[query.sortBy ?? ''] ?? 'updatedAt')
  const tests = testsOf(query, options)
  const rows: Row[] = []
  let seen = 0
  for (const row of ranking.list(which)) {
    if (tests.length > 0 && !tests.every(test => test(row))) continue
    if (seen >= offset && rows.length < limit) rows.push(row)
    seen++
    // Without filters the rest is known without looking at it.
    if (tests.length === 0 && rows.length === limit) return { rows, totalCount: ranking.size(which) }
  }
  return { rows, totalCount: seen }
}

function titleOf ({ label, displayName, derivedTitle, preview }: SessionRecord): string | undefined {
  return displayName ?? label ?? derivedTitle ?? preview?.find(({ role }) => role === 'user')?.text
}

/** The row, with what was asked for beside it. */
export function rowJson (rows: Rows, row: Row, query: Pick<ListQuery, 'includeDerivedTitles' | 'includeLastMessage'>): string {
  const json = rows.json(row)
  const title = query.includeDerivedTitles ? titleOf(row.record) : undefined
  const last = query.includeLastMessage ? row.record.preview?.at(-1)?.text : undefined
  if (title === undefined && last === undefined) return json
  const more = JSON.stringify({
    ...(title === undefined ? {} : { derivedTitle: shorten(title, 80) }),
    ...(last === undefined ? {} : { lastMessagePreview: shorten(last, 200) })
  })
  return `${json.slice(0, -1)},${more.slice(1)}`
}

function defaultsJson (facts: RowFacts): string {
  return JSON.stringify({
    modelProvider: facts.model?.provider ?? null,
    model: facts.model?.model ?? null,
    contextTokens: facts.model?.contextTokens ?? null,
    thinkingDefault: facts.thinkingDefault,
    modelSelectionTarget: 'session'
  })
}

/** Returns the writer of lists: the text of a result, ready for the wire. */
export function createListing (options: ListingOptions): (query: ListQuery) => string {
  const { rows, now } = options
  const pages = createRecent<{ version: number, config: unknown, text: string }>(keptPages)

  function write (query: ListQuery): string {
    const limit = Math.min(query.limit ?? defaultLimit, maxLimit)
    const offset = query.offset ?? 0
    const page = pageOf(query, options, limit, offset)
    const next = offset + page.rows.length
    const hasMore = next < page.totalCount
    const head = JSON.stringify({
      path: query.mayRead ? hiddenPath : options.path(),
      count: page.rows.length,
      totalCount: page.totalCount,
      limitApplied: limit,
      ...(offset > 0 ? { offset } : {}),
      nextOffset: hasMore ? next : null,
      hasMore,
      owners: []
    })
    const list = page.rows.map(row => rowJson(rows, row, query)).join(',')
    return `${head.slice(1, -1)},"defaults":${defaultsJson(options.defaults(query.agentId))},"sessions":[${list}]}`
  }

  return query => {
    // What depends on the clock is true for a moment only; what one caller sees is nobody else's list.
    const name = query.activeMinutes === undefined && !query.mayRead ? JSON.stringify(query) : ''
    const version = rows.version()
    const config = options.version()
    const known = pages.get(name)
    let text = known && known.version === version && known.config === config ? known.text : undefined
    if (text === undefined) {
      text = write(query)
      if (name !== '' && text.length <= keptPageCharacters) pages.set(name, { version, config, text })
    }
    return `{"ts":${now()},${text}`
  }
}
