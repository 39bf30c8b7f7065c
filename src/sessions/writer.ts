/** The one way by which sessions change: decided in order per session, committed whole, and only then seen by anybody. */
import { randomUUID } from 'node:crypto'
import { GatewayError } from '../protocol/errors.ts'
import type { TranscriptLine } from '../protocol/transcript.ts'
import type { Line, Store, StoreOp } from '../store/store.ts'
import type { Contexts } from './contexts.ts'
import type { IncognitoLines } from './incognito.ts'
import { parseKey } from './keys.ts'
import { ownerOfKey } from './ownership.ts'
import { emptyConversation, project } from './projection.ts'
import type { SessionRecord } from './record.ts'
import type { SessionWrite, Written } from './room.ts'
import type { Rows } from './rows.ts'

/** Changes of one session that may wait for each other. */
const maxWaiting = 1_000
/** Ended generations of one session that are kept. */
const maxGenerations = 16

export interface SessionChange extends SessionWrite {
  /** Ends the transcript and begins another one. */
  readonly newGeneration?: boolean
  /** Forgets row and transcripts. */
  readonly remove?: boolean
}

/** Decided when it is the change's turn, on what is committed by then. Undefined: nothing is to be done. */
export type ChangePlan = (record: SessionRecord | undefined) => SessionChange | undefined

export interface Committed extends Written {
  readonly removed: boolean
}

export interface WriterOptions {
  readonly store: Store
  readonly rows: Rows
  readonly contexts: Contexts
  readonly incognito: IncognitoLines
  readonly loaded: () => Promise<void> | undefined
  readonly now: () => number
  /** Rows that there may be. */
  readonly maxRows: number
  readonly committed: (change: SessionChange, result: Committed) => void
}

export interface Writer {
  change (key: string, plan: ChangePlan): Promise<Committed | undefined>
  /** Resolves when what was asked so far is settled. */
  settled (): Promise<void>
  waiting (): number
}

type Draft = { -readonly [field in keyof SessionRecord]: SessionRecord[field] }

const unknownSession = (key: string): GatewayError => new GatewayError('SESSION_UNKNOWN', { message: `session not found: ${key}`, details: { key } })

function newRecord (key: string, create: Partial<SessionRecord>, now: number): Draft {
  const parts = parseKey(key)
  const owner = ownerOfKey(key)
  return {
    agentId: parts.agentId,
    createdAt: now,
    createdVia: 'operator',
    sessionStartedAt: now,
    lifecycleRevision: now,
    ...(parts.channel ? { channel: parts.channel } : {}),
    ...(parts.incognito ? { incognito: true } : {}),
    messageCount: 0,
    lastSeq: 0,
    ...create,
    ...(owner === undefined ? {} : { owner }),
    key,
    sessionId: create.sessionId ?? randomUUID(),
    updatedAt: now
  }
}

/** A new transcript for the same session: settings stay, what was said and counted goes. */
function nextGeneration (draft: Draft, now: number): string[] {
  const generations = [...draft.generations ?? [], draft.sessionId]
  const forgotten = generations.splice(0, Math.max(0, generations.length - maxGenerations))
  Object.assign(draft, emptyConversation(), {
    sessionId: randomUUID(),
    generations,
    lastSeq: 0,
    leafId: undefined,
    contextSeq: undefined,
    compactionId: undefined,
    sessionStartedAt: now,
    lifecycleRevision: Math.max(now, draft.lifecycleRevision + 1)
  })
  return forgotten
}

function withoutUndefined (draft: Draft): SessionRecord {
  for (const field of Object.keys(draft) as Array<keyof SessionRecord>) if (draft[field] === undefined) delete draft[field]
  return draft
}

interface Prepared {
  readonly record: SessionRecord
  readonly lines: Array<Line<TranscriptLine>>
  readonly ops: StoreOp[]
  readonly created: boolean
  readonly first: boolean
}

function addLines (draft: Draft, change: SessionChange, now: number): Array<Line<TranscriptLine>> {
  return (change.lines ?? []).map(body => {
    const place = { seq: (draft.lastSeq ?? 0) + 1, id: randomUUID() }
    const value = { ...body, id: place.id, parentId: draft.leafId ?? null, timestamp: now } as TranscriptLine
    project(draft, body, place, now)
    return { ...place, value }
  })
}

export function createWriter (options: WriterOptions): Writer {
  const { store, rows, contexts, incognito, now } = options
  const lanes = new Map<string, { tail: Promise<unknown>, waiting: number }>()

  function prepare (key: string, before: SessionRecord | undefined, change: SessionChange): Prepared {
    const at = now()
    if (!before && !change.create) throw unknownSession(key)
    if (!before && rows.size >= options.maxRows) throw new GatewayError('SESSIONS_FULL')
    const draft: Draft = before ? { ...before } : newRecord(key, change.create!, at)
    const forgotten = change.newGeneration ? nextGeneration(draft, at) : []
    const first = (draft.lastSeq ?? 0) === 0
    const lines = addLines(draft, change, at)
    const record = withoutUndefined(Object.assign(draft, { updatedAt: at }, change.patch))
    const appended = record.incognito
      ? []
      : lines.map(({ seq, id, value }): StoreOp => ({ op: 'append', sessionId: record.sessionId, seq, id, value }))
    const row: StoreOp[] = record.incognito ? [] : [{ op: 'put', collection: 'sessions', key, value: record }]
    const ops: StoreOp[] = [...appended, ...row, ...forgotten.map((sessionId): StoreOp => ({ op: 'forget', sessionId })), ...change.ops ?? []]
    return { record, lines, ops, created: !before, first }
  }

  async function put (key: string, before: SessionRecord | undefined, change: SessionChange): Promise<Committed> {
    const { record, lines, ops, created, first } = prepare(key, before, change)
    if (ops.length > 0) await store.commit(ops)
    if (record.incognito) incognito.append(record.sessionId, lines)
    rows.set(record)
    if (before && before.sessionId !== record.sessionId) contexts.forget(before.sessionId)
    contexts.added(record, lines, first)
    return { record, lines, created, removed: false }
  }

  async function remove (key: string, before: SessionRecord, change: SessionChange): Promise<Committed> {
    const transcripts = [...before.generations ?? [], before.sessionId]
    const ops: StoreOp[] = before.incognito
      ? []
      : [{ op: 'delete', collection: 'sessions', key }, ...transcripts.map((sessionId): StoreOp => ({ op: 'forget', sessionId }))]
    await store.commit([...ops, ...change.ops ?? []])
    rows.delete(key)
    contexts.forget(before.sessionId)
    incognito.forget(before.sessionId)
    return { record: before, lines: [], created: false, removed: true }
  }

  async function perform (key: string, plan: ChangePlan): Promise<Committed | undefined> {
    const before = rows.get(key)?.record
    const change = plan(before)
    if (!change || (change.remove && !before)) return undefined
    const result = await (change.remove ? remove(key, before!, change) : put(key, before, change))
    options.committed(change, result)
    return result
  }

  /** Goes straight to the store when nothing of this session is under way. */
  function begin (key: string, plan: ChangePlan, previous: Promise<unknown> | undefined): Promise<Committed | undefined> {
    const loading = options.loaded()
    const ready = loading && previous ? Promise.all([loading, previous]) : loading ?? previous
    return ready ? ready.then(() => perform(key, plan)) : perform(key, plan)
  }

  return {
    change (key, plan) {
      const lane = lanes.get(key) ?? { tail: undefined as Promise<unknown> | undefined, waiting: 0 }
      if (lane.waiting >= maxWaiting) return Promise.reject(new GatewayError('BUSY', { message: `session ${key} is busy` }))
      const work = begin(key, plan, lane.tail)
      const entry = lane as { tail: Promise<unknown>, waiting: number }
      entry.waiting++
      entry.tail = work.then(() => {}, () => {}).then(() => {
        if (--entry.waiting === 0) lanes.delete(key)
      })
      lanes.set(key, entry)
      return work
    },
    async settled () {
      while (lanes.size > 0) await Promise.all([...lanes.values()].map(({ tail }) => tail))
    },
    waiting: () => lanes.size
  }
}
