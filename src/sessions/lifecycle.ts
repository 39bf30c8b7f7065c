/** How sessions begin, are changed by people, begin anew and end. */
import { randomUUID } from 'node:crypto'
import { unlink } from 'node:fs/promises'
import { GatewayError } from '../protocol/errors.ts'
import { archiveTranscripts } from './archive.ts'
import { buildKey, parseKey } from './keys.ts'
import { ownerOfKey } from './ownership.ts'
import { checkExpectations, patchChange, protectMain, type Expectations, type Patch, type PatchPorts } from './patch.ts'
import type { SessionRecord } from './record.ts'
import type { SessionTarget } from './room.ts'
import type { SessionParts } from './sessions.ts'

export interface CreateRequest {
  readonly label?: string
  readonly displayName?: string
  readonly category?: string
  readonly model?: string
  readonly thinkingLevel?: string
  readonly permissionMode?: string
  readonly parentSessionKey?: string
  readonly spawnedBy?: string
  readonly spawnDepth?: number
  readonly incognito?: boolean
  readonly createdVia?: string
  /** Further settings of the contract that we keep without interpreting them. */
  readonly overrides?: { readonly [field: string]: unknown }
}

export type RemoveOptions = Expectations & { readonly archivedOnly?: boolean, readonly reason?: string, readonly withMain?: true }

export interface Lifecycle {
  /** A key for a conversation that a person begins without naming it. */
  newKey (agentId: string, incognito?: boolean): string
  create (target: Pick<SessionTarget, 'key' | 'agentId'>, request: CreateRequest): Promise<{ record: SessionRecord, created: boolean }>
  patch (key: string, patch: Patch & Expectations): Promise<SessionRecord>
  reset (key: string, options: Expectations & { reason?: string }): Promise<SessionRecord>
  /** Refuse before anything is stopped for it; the change itself looks again. */
  expect (key: string, expectations: Expectations, doing: string): Promise<void>
  mayRemove (key: string, options: RemoveOptions): Promise<void>
  /** `archived` names the files that the transcripts went to. */
  remove (key: string, options: RemoveOptions): Promise<{ deleted: boolean, archived: string[] }>
}

const attempts = 3

export function createLifecycle ({ options, rows, lines, writer, ready }: SessionParts): Lifecycle {
  const { now } = options

  function pickModel (name: string): { provider: string, model: string } {
    const slash = name.indexOf('/')
    const plain = slash > 0 ? { provider: name.slice(0, slash), model: name.slice(slash + 1) } : undefined
    const picked = options.pickModel ? options.pickModel(name) : plain
    if (picked) return picked
    const text = plain ? `Unknown provider or model "${name}".` : `Unknown model "${name}".`
    throw new GatewayError('INVALID_PARAMS', { message: `${text} List what can be used: openclaw models list, or models.list.`, details: { model: name } })
  }

  /** Labels of one owner tell nothing about those of another. */
  function labelled (label: string, owner: string | undefined): SessionRecord | undefined {
    for (const { record } of rows.all()) if (record.label === label && record.owner === owner && !record.archived) return record
    return undefined
  }

  const ports = (): PatchPorts => ({ now: now(), pickModel, labelled })

  function createdRecord (key: string, agentId: string, request: CreateRequest): Partial<SessionRecord> {
    const { label, displayName, category, model, thinkingLevel, permissionMode, spawnedBy, spawnDepth, incognito } = request
    const picked = model === undefined ? undefined : pickModel(model)
    const main = buildKey(agentId, 'main')
    const parentSessionKey = request.parentSessionKey ?? (key === main ? undefined : main)
    return {
      createdVia: request.createdVia ?? 'operator',
      spawnDepth: spawnDepth ?? 0,
      ...(parentSessionKey ? { parentSessionKey } : {}),
      ...(label ? { label } : {}),
      ...(displayName ? { displayName } : {}),
      ...(category ? { category } : {}),
      ...(picked ? { providerOverride: picked.provider, modelOverride: picked.model } : {}),
      ...(thinkingLevel ? { thinkingLevel } : {}),
      ...(permissionMode ? { permissionMode } : {}),
      ...(spawnedBy ? { spawnedBy } : {}),
      ...(incognito ? { incognito } : {}),
      ...(request.overrides && Object.keys(request.overrides).length > 0 ? { overrides: request.overrides } : {})
    }
  }

  /** One that is there keeps its name; the rest of the request changes it. */
  function adopt (record: SessionRecord, { label, category, model, thinkingLevel, permissionMode, overrides }: CreateRequest) {
    const patch = { label, category, model, thinkingLevel, permissionMode, ...overrides }
    return Object.values(patch).some(value => value !== undefined) ? patchChange(record, patch, ports()) : undefined
  }

  /** What may be deleted; nothing when there is no such session. */
  async function removable (key: string, asked: RemoveOptions): Promise<SessionRecord | undefined> {
    if (!asked.withMain) protectMain(key, 'delete')
    await ready()
    const record = rows.get(key)?.record
    if (!record) return undefined
    checkExpectations(record, asked, 'delete')
    if (asked.archivedOnly && !record.archived) {
      throw new GatewayError('SESSION_CHANGED', { message: `Session ${key} is not archived.`, details: { key } })
    }
    return record
  }

  async function remove (key: string, asked: RemoveOptions): ReturnType<Lifecycle['remove']> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const record = await removable(key, asked)
      if (!record) return { deleted: false, archived: [] }
      const archived = await archiveTranscripts(options.archiveDir, record, lines, now())
      // Whoever said something in the meantime must find it in the archive.
      const gone = await writer.change(key, current =>
        current?.sessionId === record.sessionId && current.lastSeq === record.lastSeq ? { remove: true, reason: asked.reason ?? 'delete' } : undefined)
      if (gone) return { deleted: true, archived }
      await Promise.all(archived.map(file => unlink(file)))
    }
    throw new GatewayError('SESSION_ACTIVE', { details: { key } })
  }

  return {
    newKey: (agentId, incognito) => buildKey(agentId, `dashboard:${incognito ? 'incognito-' : ''}${randomUUID()}`),
    async create ({ key, agentId }, request) {
      const result = await writer.change(key, record => {
        if (record) return adopt(record, request)
        const create = createdRecord(key, agentId, request)
        const holder = request.label === undefined ? undefined : labelled(request.label, ownerOfKey(key))
        if (holder) throw new GatewayError('SESSION_LABEL_TAKEN', { message: `label "${request.label}" is taken by ${holder.key}`, details: { key: holder.key } })
        return { create, reason: 'create' }
      })
      return { record: result?.record ?? rows.get(key)!.record, created: result?.created ?? false }
    },
    async patch (key, patch) {
      const result = await writer.change(key, record => {
        const isMain = parseKey(key).kind === 'main'
        if (!record && !isMain) throw new GatewayError('SESSION_UNKNOWN', { message: `session not found: ${key}`, details: { key } })
        // The main session is there for everybody, also before anything was said in it.
        if (!record) return { ...patchChange({ key } as SessionRecord, patch, ports()), create: {} }
        checkExpectations(record, patch, 'patch')
        if (patch.archived === true && !record.archived && patch.expectedSessionId === undefined) {
          throw new GatewayError('INVALID_PARAMS', { message: `expectedSessionId required for session lifecycle patch: ${key}` })
        }
        return patchChange(record, patch, ports())
      })
      return result!.record
    },
    async reset (key, asked) {
      const result = await writer.change(key, record => {
        const isMain = parseKey(key).kind === 'main'
        if (!record && !isMain) throw new GatewayError('SESSION_UNKNOWN', { message: `session not found: ${key}`, details: { key } })
        if (record) checkExpectations(record, asked, 'reset')
        return { lines: [{ type: 'reset', reason: asked.reason ?? 'reset' }], reason: asked.reason ?? 'reset', ...(record ? {} : { create: {} }) }
      })
      return result!.record
    },
    async expect (key, expectations, doing) {
      await ready()
      const record = rows.get(key)?.record
      if (record) checkExpectations(record, expectations, doing)
    },
    mayRemove: async (key, asked) => { await removable(key, asked) },
    remove
  }
}
