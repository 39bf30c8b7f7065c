/** From the row of a foreign session to ours: what is in its lines is counted from them, the rest is taken over. */
import { parseKey } from '../keys.ts'
import { project } from '../projection.ts'
import type { SessionRecord } from '../record.ts'
import type { TranslatedLine } from './lines.ts'
import type { Fields } from './source.ts'

type Draft = { -readonly [field in keyof SessionRecord]: SessionRecord[field] }

/** Fields that mean the same in both. */
const taken = {
  number: [
    'createdAt', 'updatedAt', 'sessionStartedAt', 'lastInteractionAt', 'lastActivityAt', 'lastReadAt', 'startedAt', 'endedAt', 'pinnedAt',
    'archivedAt', 'spawnDepth', 'contextTokens', 'inputTokens', 'outputTokens', 'totalTokens', 'estimatedCostUsd', 'runtimeMs', 'compactionCount',
    'markedUnreadAt'
  ],
  string: [
    'createdVia', 'label', 'displayName', 'category', 'icon', 'color', 'archivedReason', 'parentSessionKey', 'spawnedBy', 'chatType', 'channel',
    'lastChannel', 'lastTo', 'lastAccountId', 'subject', 'modelOverride', 'providerOverride', 'thinkingLevel', 'reasoningLevel', 'verboseLevel',
    'permissionMode', 'queueMode', 'responseUsage', 'modelProvider', 'model'
  ],
  boolean: ['abortedLastRun'],
  object: ['origin', 'deliveryContext']
} satisfies { readonly [type: string]: ReadonlyArray<keyof SessionRecord> }
const interpreted = new Set<string>([...Object.values(taken).flat(), 'sessionId', 'sessionFile', 'status', 'lastThreadId'])
const settled = new Set<unknown>(['done', 'failed', 'killed', 'timeout'])

const maxExtraCharacters = 400

/** Small facts that we do not interpret come along; snapshots that are made anew for each run do not. */
function extraOf (entry: Fields): { extra?: Fields } {
  const extra = Object.fromEntries(Object.entries(entry).filter(([field, value]) =>
    !interpreted.has(field) && value !== undefined && value !== null && JSON.stringify(value).length <= maxExtraCharacters))
  return Object.keys(extra).length > 0 ? { extra } : {}
}

function takenOver (entry: Fields): Partial<SessionRecord> {
  const fields: { [field: string]: unknown } = {}
  for (const [type, names] of Object.entries(taken)) {
    for (const name of names) {
      const value = entry[name]
      const found: string = typeof value
      if (found === type && value !== null) fields[name] = value
    }
  }
  const { lastThreadId, status, pinnedAt, archivedAt } = entry
  return {
    ...fields,
    ...(typeof lastThreadId === 'string' || typeof lastThreadId === 'number' ? { lastThreadId: String(lastThreadId) } : {}),
    // Nothing of it runs here.
    ...(settled.has(status) ? { status: status as 'done' } : {}),
    ...(typeof pinnedAt === 'number' ? { pinned: true } : {}),
    ...(typeof archivedAt === 'number' ? { archived: true } : {}),
    ...extraOf(entry)
  }
}

/** Lines that were kept before a summary or a reset stay in what the model sees. */
function keepLines (draft: Draft, lines: readonly TranslatedLine[], { seq, firstKeptEntryId }: TranslatedLine): void {
  const first = firstKeptEntryId === undefined ? undefined : lines.find(({ id }) => id === firstKeptEntryId)?.seq
  if (first === undefined || first > seq) return
  draft.contextSeq = first - 1
  draft.contextMessages = lines.slice(first - 1, seq - 1).filter(({ value }) => value.type === 'message').length
}

export interface RowFacts {
  readonly key: string
  readonly sessionId: string
  readonly generations: readonly string[]
  readonly now: number
}

export function recordOf (entry: Fields, lines: readonly TranslatedLine[], { key, sessionId, generations, now }: RowFacts): SessionRecord {
  const over = takenOver(entry)
  const createdAt = over.createdAt ?? over.sessionStartedAt ?? lines[0]?.value.timestamp ?? over.updatedAt ?? now
  const draft: Draft = {
    key,
    agentId: parseKey(key).agentId,
    sessionId,
    createdAt,
    createdVia: 'operator',
    updatedAt: createdAt,
    sessionStartedAt: createdAt,
    lifecycleRevision: now,
    messageCount: 0,
    lastSeq: 0
  }
  for (const line of lines) {
    project(draft, line.value, line, line.value.timestamp)
    if (line.value.type === 'compaction' || line.value.type === 'reset') keepLines(draft, lines, line)
  }
  delete draft.unread
  const record = { ...draft, ...(generations.length > 0 ? { generations } : {}), ...over, createdAt }
  for (const field of Object.keys(record) as Array<keyof SessionRecord>) if (record[field] === undefined) delete record[field]
  return record
}
