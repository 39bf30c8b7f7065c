/** A session as clients see it: the row of lists, events and descriptions, and the entry that changes answer with. */
import type { SessionRecord } from './record.ts'
import { isBackground, parseKey, type KeyParts } from './keys.ts'

/** What a session would run on now. */
export interface SessionModel {
  readonly provider: string
  readonly model: string
  readonly contextTokens?: number
}

export interface RowFacts {
  readonly model?: SessionModel
  readonly queueMode: string
  readonly thinkingDefault: string
}

export interface WireRow { readonly [field: string]: unknown }

/** A row has at most 2 KB, whoever wrote into its texts. */
const cut = (text: string | undefined, length: number): string | undefined =>
  text === undefined || text.length <= length ? text : `${text.slice(0, length - 1)}…`

const isGroup = ({ kind }: KeyParts): boolean => kind === 'group' || kind === 'channel'

function peerFields (record: SessionRecord, parts: KeyParts): WireRow {
  const chatType = record.chatType ?? (isGroup(parts) ? parts.kind : parts.kind === 'direct' ? 'direct' : undefined)
  return {
    kind: isGroup(parts) || record.chatType === 'group' || record.chatType === 'channel' ? 'group' : 'direct',
    classification: parts.kind,
    ...(chatType ? { chatType } : {}),
    channel: record.channel ?? parts.channel,
    accountId: parts.accountId,
    peerKind: parts.peer === undefined ? undefined : parts.kind,
    subject: cut(record.subject, 120),
    ...placeFields(record)
  }
}

/** Where it was spoken last, in both of the ways in which clients read it. */
function placeFields ({ lastChannel, lastTo, lastAccountId, lastThreadId }: SessionRecord): WireRow {
  const [to, accountId, threadId] = [cut(lastTo, 120), cut(lastAccountId, 80), cut(lastThreadId, 80)]
  return {
    lastChannel,
    lastTo: to,
    lastAccountId: accountId,
    lastThreadId: threadId,
    ...(lastChannel === undefined ? {} : { deliveryContext: { channel: lastChannel, to, accountId, threadId } })
  }
}

function modelFields (record: SessionRecord, facts: RowFacts): WireRow {
  const { model } = facts
  const hasOverride = record.modelOverride !== undefined
  return {
    modelProvider: record.providerOverride ?? model?.provider ?? record.modelProvider,
    model: record.modelOverride ?? model?.model ?? record.model,
    modelOverrideSource: hasOverride ? 'user' : null,
    contextTokens: model?.contextTokens ?? record.contextTokens,
    thinkingLevel: record.thinkingLevel,
    thinkingDefault: facts.thinkingDefault,
    reasoningLevel: record.reasoningLevel,
    verboseLevel: record.verboseLevel,
    permissionMode: record.permissionMode,
    effectiveQueueMode: record.queueMode ?? facts.queueMode,
    effectiveResponseUsage: record.responseUsage ?? 'off',
    inputTokens: record.inputTokens,
    outputTokens: record.outputTokens,
    totalTokens: record.totalTokens,
    totalTokensFresh: record.totalTokens !== undefined,
    estimatedCostUsd: record.estimatedCostUsd
  }
}

function runFields (record: SessionRecord): WireRow {
  const running = record.status === 'running'
  return {
    status: record.status,
    startedAt: record.startedAt,
    endedAt: running ? undefined : record.endedAt,
    runtimeMs: record.runtimeMs,
    lastRunId: cut(record.lastRunId, 128),
    abortedLastRun: record.abortedLastRun,
    hasActiveRun: running,
    activeRunIds: running && record.lastRunId ? [cut(record.lastRunId, 128)] : []
  }
}

export function wireRow (record: SessionRecord, facts: RowFacts): WireRow {
  const parts = parseKey(record.key)
  return {
    key: record.key,
    sessionId: record.sessionId,
    agentId: record.agentId,
    ...peerFields(record, parts),
    ...(record.incognito ? { incognito: true } : {}),
    isMain: parts.kind === 'main',
    isBackground: isBackground(parts),
    visibility: 'shared',
    label: cut(record.label, 200),
    displayName: cut(record.displayName ?? record.label, 200),
    category: cut(record.category, 120),
    icon: cut(record.icon, 64),
    color: cut(record.color, 64),
    updatedAt: record.updatedAt,
    createdAt: record.createdAt,
    createdVia: record.createdVia,
    sessionStartedAt: record.sessionStartedAt,
    lastInteractionAt: record.lastInteractionAt,
    lastActivityAt: record.lastActivityAt,
    lastReadAt: record.lastReadAt,
    unread: record.unread ?? false,
    markedUnreadAt: record.markedUnreadAt,
    archived: record.archived ?? false,
    archivedAt: record.archivedAt,
    archiveReason: cut(record.archivedReason, 64),
    pinned: record.pinned ?? false,
    pinnedAt: record.pinnedAt,
    parentSessionKey: record.parentSessionKey,
    spawnedBy: record.spawnedBy,
    spawnDepth: record.spawnDepth,
    ...modelFields(record, facts),
    ...runFields(record),
    compactionCount: record.compactionCount,
    sharingRole: 'owner'
  }
}

/** Fields that a client must be told to forget: in events their absence is said by null. */
const clearable = [
  'label', 'displayName', 'category', 'icon', 'color', 'archivedAt', 'archiveReason', 'pinnedAt', 'markedUnreadAt', 'thinkingLevel',
  'permissionMode', 'status', 'lastRunId', 'endedAt', 'runtimeMs'
] as const

/** The same fields once more beside the row: older clients read them there. */
export function flatFields (row: WireRow): WireRow {
  const { key, agentId, ...fields } = row
  const flat: { [field: string]: unknown } = { ...fields, lastRunError: null }
  for (const field of clearable) flat[field] ??= null
  return flat
}

/** The stored record, as create, patch and reset answer with it. */
export function wireEntry (record: SessionRecord): WireRow {
  const {
    key, generations, leafId, lastSeq, contextSeq, compactionId, contextMessages, preview, spent, spawn, lifecycleRevision, archivedReason,
    overrides, extra, ...fields
  } = record
  return {
    ...extra,
    ...overrides,
    ...fields,
    lifecycleRevision: String(lifecycleRevision),
    modelOverrideSource: record.modelOverride === undefined ? 'default' : 'user',
    spawnDepth: record.spawnDepth ?? 0,
    ...(archivedReason === undefined ? {} : { archiveReason: archivedReason })
  }
}
