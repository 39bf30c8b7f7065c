/** What may be changed about a session, and what a change means for its row. */
import { GatewayError } from '../protocol/errors.ts'
import { parseKey } from './keys.ts'
import type { SessionRecord } from './record.ts'
import type { SessionChange } from './writer.ts'

/** The fields of the contract, as they are sent; null clears. */
export type Patch = { readonly [field: string]: unknown }

export interface Expectations {
  readonly expectedSessionId?: string
  readonly expectedLifecycleRevision?: string
  readonly expectedSessionUpdatedAt?: number
  readonly expectedPermissionMode?: string | null
  readonly expectedMarkedUnreadAt?: number | null
}

export interface PatchPorts {
  readonly now: number
  readonly pickModel: (name: string) => { readonly provider: string, readonly model: string }
  /** The session that has this label among those of the same owner. */
  readonly labelled: (label: string, owner: string | undefined) => SessionRecord | undefined
}

type Draft = { -readonly [field in keyof SessionRecord]?: SessionRecord[field] }

const plainFields = [
  'label', 'displayName', 'icon', 'color', 'category', 'thinkingLevel', 'verboseLevel', 'reasoningLevel', 'responseUsage', 'permissionMode',
  'queueMode'
] as const satisfies ReadonlyArray<keyof SessionRecord>
const plain: ReadonlySet<string> = new Set(plainFields)
const interpreted: ReadonlySet<string> = new Set(['archived', 'pinned', 'unread', 'model'])
const expected = /^expected[A-Z]/

/** Refuses when the session is not what the caller believes it is. */
export function checkExpectations (record: SessionRecord, expectations: Expectations, doing: string): void {
  const {
    expectedSessionId, expectedLifecycleRevision, expectedSessionUpdatedAt, expectedPermissionMode, expectedMarkedUnreadAt
  } = expectations
  const holds = (expectedSessionId === undefined || expectedSessionId === record.sessionId) &&
    (expectedLifecycleRevision === undefined || expectedLifecycleRevision === String(record.lifecycleRevision)) &&
    (expectedSessionUpdatedAt === undefined || expectedSessionUpdatedAt === record.updatedAt) &&
    (expectedPermissionMode === undefined || expectedPermissionMode === (record.permissionMode ?? null)) &&
    (expectedMarkedUnreadAt === undefined || expectedMarkedUnreadAt === (record.markedUnreadAt ?? null))
  if (!holds) {
    throw new GatewayError('SESSION_CHANGED', { message: `Session ${record.key} changed before ${doing}. Retry.`, details: { key: record.key } })
  }
}

export function protectMain (key: string, doing: string): void {
  if (parseKey(key).kind === 'main') {
    throw new GatewayError('SESSION_PROTECTED', { message: `Cannot ${doing} the main session (${key}).`, details: { key } })
  }
}

function archive (draft: Draft, record: SessionRecord, wanted: boolean, now: number): void {
  if (wanted === (record.archived ?? false)) return
  if (wanted) protectMain(record.key, 'archive')
  if (wanted && record.status === 'running') throw new GatewayError('SESSION_ACTIVE', { details: { key: record.key } })
  draft.archived = wanted || undefined
  draft.archivedAt = wanted ? now : undefined
  draft.archivedReason = wanted ? 'manual' : undefined
}

function mark (draft: Draft, unread: boolean, now: number): void {
  draft.unread = unread
  draft.markedUnreadAt = unread ? now : undefined
  if (!unread) draft.lastReadAt = now
}

function chooseModel (draft: Draft, name: unknown, ports: PatchPorts): void {
  const picked = typeof name === 'string' ? ports.pickModel(name) : undefined
  draft.providerOverride = picked?.provider
  draft.modelOverride = picked?.model
}

function checkLabel (record: SessionRecord, label: unknown, ports: PatchPorts): void {
  if (typeof label !== 'string') return
  const holder = ports.labelled(label, record.owner)
  if (holder && holder.key !== record.key) {
    throw new GatewayError('SESSION_LABEL_TAKEN', { message: `label "${label}" is taken by ${holder.key}`, details: { key: holder.key } })
  }
}

/** The change that a patch amounts to. Marking something as read moves it nowhere in a list. */
export function patchChange (record: SessionRecord, patch: Patch, ports: PatchPorts): SessionChange {
  const draft: Draft = {}
  let overrides: { [field: string]: unknown } | undefined
  checkLabel(record, patch.label, ports)
  for (const [field, value] of Object.entries(patch)) {
    if (value === undefined || expected.test(field)) continue
    if (plain.has(field)) Object.assign(draft, { [field]: value ?? undefined })
    else if (!interpreted.has(field)) {
      overrides ??= { ...record.overrides }
      if (value === null) delete overrides[field]
      else overrides[field] = value
    }
  }
  // Bound to no node any more, its commands run where the configuration says.
  if (overrides?.['execHost'] === 'node' && patch['execNode'] === null && patch['execHost'] === undefined) delete overrides['execHost']
  if (overrides) draft.overrides = Object.keys(overrides).length > 0 ? overrides : undefined
  if (patch.model !== undefined) chooseModel(draft, patch.model, ports)
  if (typeof patch.archived === 'boolean') archive(draft, record, patch.archived, ports.now)
  if (typeof patch.pinned === 'boolean') Object.assign(draft, { pinned: patch.pinned || undefined, pinnedAt: patch.pinned ? ports.now : undefined })
  if (typeof patch.unread === 'boolean') mark(draft, patch.unread, ports.now)
  const onlyRead = Object.keys(patch).every(field => field === 'unread' || expected.test(field))
  return { patch: { ...draft, ...(onlyRead ? { updatedAt: record.updatedAt } : {}) }, reason: 'patch' }
}
