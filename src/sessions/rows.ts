/** Every session in memory: found by key and by id, in order, each with its JSON written once until it changes. */
import { parseKey, type SessionKind } from './keys.ts'
import { createRanking, type Ranking } from './rankings.ts'
import type { SessionRecord } from './record.ts'
import { wireRow, type RowFacts, type WireRow } from './wire-row.ts'

/** How lists are ordered. `activity` is when somebody or something last spoke. */
export type RowOrder = 'updatedAt' | 'lastInteractionAt' | 'activity'

export interface Row {
  record: SessionRecord
  readonly kind: SessionKind
  /** Stands for the version of the configuration that `json` was written under. */
  writtenFor: unknown
  json: string
  /** What a search looks through, in lower case. */
  haystack: string
}

export interface Rows {
  readonly size: number
  ofAgent (agentId: string): number
  get (key: string): Row | undefined
  byId (sessionId: string): Row | undefined
  set (record: SessionRecord): Row
  delete (key: string): void
  all (): IterableIterator<Row>
  ranking (order: RowOrder): Ranking<Row>
  wire (row: Row): WireRow
  json (row: Row): string
  haystack (row: Row): string
  /** Changes with every change of any row. */
  version (): number
}

const valueOf: { readonly [order in RowOrder]: (record: SessionRecord) => number } = {
  updatedAt: record => record.updatedAt,
  lastInteractionAt: record => record.lastInteractionAt ?? 0,
  activity: record => record.lastActivityAt ?? record.lastInteractionAt ?? record.updatedAt
}

const searched = ({ key, label, displayName, derivedTitle, subject, category, sessionId, channel, model }: SessionRecord): string =>
  [key, label, displayName, derivedTitle, subject, category, sessionId, channel, model].filter(Boolean).join('\n').toLowerCase()

export function createRows (facts: { of: (record: SessionRecord) => RowFacts, version: () => unknown }): Rows {
  const byKey = new Map<string, Row>()
  const keyOfId = new Map<string, string>()
  const rankings = new Map<RowOrder, Ranking<Row>>()
  const agentSizes = new Map<string, number>()
  let version = 0

  function count ({ record: { agentId } }: Row, more: 1 | -1): void {
    const size = (agentSizes.get(agentId) ?? 0) + more
    if (size === 0) agentSizes.delete(agentId)
    else agentSizes.set(agentId, size)
  }

  function ranking (order: RowOrder): Ranking<Row> {
    const known = rankings.get(order)
    if (known) return known
    const created = createRanking<Row>(({ record }) => ({
      value: valueOf[order](record), pinned: record.pinned === true, archived: record.archived === true
    }), byKey.values())
    rankings.set(order, created)
    return created
  }

  return {
    get size () { return byKey.size },
    ofAgent: agentId => agentSizes.get(agentId.toLowerCase()) ?? 0,
    get: key => byKey.get(key),
    byId: sessionId => byKey.get(keyOfId.get(sessionId) ?? ''),
    set (record) {
      version++
      const known = byKey.get(record.key)
      if (known && known.record.sessionId !== record.sessionId) keyOfId.delete(known.record.sessionId)
      const row: Row = known ?? { record, kind: parseKey(record.key).kind, writtenFor: undefined, json: '', haystack: '' }
      if (!known) count(row, 1)
      row.record = record
      row.json = ''
      row.haystack = ''
      byKey.set(record.key, row)
      keyOfId.set(record.sessionId, record.key)
      for (const order of rankings.values()) order.place(row)
      return row
    },
    delete (key) {
      const row = byKey.get(key)
      if (!row) return
      version++
      byKey.delete(key)
      count(row, -1)
      keyOfId.delete(row.record.sessionId)
      for (const order of rankings.values()) order.remove(row)
    },
    all: () => byKey.values(),
    ranking,
    wire: ({ record }) => wireRow(record, facts.of(record)),
    json (row) {
      const current = facts.version()
      if (row.json === '' || row.writtenFor !== current) {
        row.json = JSON.stringify(wireRow(row.record, facts.of(row.record)))
        row.writtenFor = current
      }
      return row.json
    },
    haystack (row) {
      row.haystack ||= searched(row.record)
      return row.haystack
    },
    version: () => version
  }
}
