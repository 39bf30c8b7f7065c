/** Changing sessions: beginning, patching, beginning anew, shortening, deleting. */
import { randomUUID } from 'node:crypto'
import { GatewayError, isGatewayError } from '../protocol/errors.ts'
import { oneOf, Type, type Static } from '../protocol/type.ts'
import { parseKey } from '../sessions/keys.ts'
import type { SessionRecord } from '../sessions/record.ts'
import { wireEntry } from '../sessions/wire-row.ts'
import { attachments } from './attachments.ts'
import { send } from './chat.ts'
import { method, type Rooms } from './rooms.ts'
import type { Context } from './run-answers.ts'
import { expectations, patchFields } from './session-fields.ts'
import { createScope, deleteScope, patchManyScope, patchScope } from './session-scopes.ts'
import { openObject, text } from './shapes.ts'

const optional = Type.Optional
const key = text({ maxLength: 512 })
const addressed = { key, agentId: optional(text()) }

const stopWithinMs = 5_000

/** Ends what the session is doing, so that nothing is said into a conversation that is gone. */
async function stopRuns ({ runs }: Rooms, sessionKey: string): Promise<void> {
  if (runs.active(sessionKey).length === 0 && runs.pending(sessionKey).length === 0) return
  const { runIds } = await runs.abort({ sessionKey, origin: 'session' })
  await Promise.all(runIds.map(runId => runs.wait(runId, stopWithinMs)))
  if (runs.active(sessionKey).length > 0) throw new GatewayError('SESSION_ACTIVE', { details: { key: sessionKey } })
}

const thinkingLevels = ['off', 'minimal', 'low', 'medium', 'high'].map(id => ({ id, label: id }))

/** What the session would run on now. */
function resolved ({ sessions, models }: Rooms, record: SessionRecord): object {
  const { model, thinkingDefault } = sessions.factsOf(record)
  const known = model && models.find(`${model.provider}/${model.model}`)
  return {
    modelProvider: model?.provider,
    model: model?.model,
    agentRuntime: { id: 'openclaw', source: 'implicit' },
    runtimeSelectionLocked: false,
    thinkingLevel: record.thinkingLevel ?? thinkingDefault,
    thinkingLevels: known?.reasoning ? thinkingLevels : thinkingLevels.slice(0, 1)
  }
}

const CreateParams = Type.Object({
  key: optional(key),
  idempotencyKey: optional(text({ maxLength: 512 })),
  agentId: optional(text()),
  label: optional(text({ maxLength: 512 })),
  displayName: optional(text({ maxLength: 500 })),
  category: optional(text({ maxLength: 512 })),
  model: optional(text()),
  contextWindow: optional(text()),
  thinkingLevel: optional(text()),
  fastMode: optional(Type.Union([Type.Boolean(), Type.Literal('auto')])),
  permissionMode: optional(oneOf(['read-only', 'guarded', 'workspace', 'full'])),
  toolOverrides: optional(openObject),
  incognito: optional(Type.Boolean()),
  visibility: optional(oneOf(['shared', 'read-only', 'suggest', 'draft'])),
  catalogId: optional(text()),
  parentSessionKey: optional(key),
  spawnDepth: optional(Type.Integer({ minimum: 1 })),
  fork: optional(Type.Boolean()),
  forkFrom: optional(Type.Literal('last-completed')),
  emitCommandHooks: optional(Type.Boolean()),
  succeedsParent: optional(Type.Boolean()),
  task: optional(Type.String()),
  message: optional(Type.String()),
  attachments,
  projectId: optional(text()),
  projectGitUrl: optional(text({ maxLength: 2048 })),
  worktree: optional(Type.Boolean()),
  worktreeBaseRef: optional(text()),
  worktreeName: optional(text()),
  execNode: optional(text({ maxLength: 256, pattern: '\\S' })),
  cwd: optional(text())
}, { additionalProperties: false })
type CreateParams = Static<typeof CreateParams>

/** What we cannot do is refused rather than ignored: a session without its worktree would work in the wrong place. */
const notOffered = ['fork', 'worktree', 'cwd', 'projectId', 'projectGitUrl', 'catalogId'] as const

function checkOffered (params: CreateParams): void {
  for (const field of notOffered) {
    if (params[field] === undefined || params[field] === false) continue
    const reason = `${field} is not offered by this gateway`
    throw new GatewayError('NOT_BUILT_YET', { message: `sessions.create: ${reason}`, details: { reason } })
  }
}

/** The first turn of a new session; a refusal of it does not take the session back. */
async function firstTurn (params: CreateParams, sessionKey: string, context: Context): Promise<object> {
  const message = params.message ?? params.task ?? ''
  if (message === '' && (params.attachments ?? []).length === 0) return { runStarted: false }
  try {
    const answer = await send({
      sessionKey,
      message,
      idempotencyKey: params.idempotencyKey ?? randomUUID(),
      ...(params.attachments ? { attachments: params.attachments } : {})
    }, context) as { runId?: string, status?: string }
    return { runStarted: true, ...(answer.runId ? { runId: answer.runId } : {}), ...(answer.status ? { status: answer.status } : {}) }
  } catch (error) {
    if (!isGatewayError(error)) throw error
    return { runStarted: false, runError: error.toWire() }
  }
}

async function create (params: CreateParams, context: Context): Promise<object> {
  checkOffered(params)
  const { rooms } = context
  const { sessions } = rooms
  const agent = sessions.target(undefined, params.agentId).agentId
  const target = sessions.target(params.key ?? sessions.lifecycle.newKey(agent, params.incognito), params.agentId)
  if (params.incognito && !parseKey(target.key).incognito) {
    throw new GatewayError('INVALID_PARAMS', { message: 'an incognito session gets its key from the gateway; leave key out' })
  }
  const parent = params.parentSessionKey === undefined ? undefined : sessions.target(params.parentSessionKey).key
  const { label, displayName, category, model, thinkingLevel, permissionMode, spawnDepth, execNode } = params
  const { contextWindow, fastMode, toolOverrides } = params
  const { record } = await sessions.lifecycle.create(target, {
    ...defined({
      label, displayName, category, model, thinkingLevel, permissionMode, spawnDepth, incognito: params.incognito, parentSessionKey: parent
    }),
    ...(spawnDepth === undefined ? {} : { createdVia: 'spawn', ...(parent ? { spawnedBy: parent } : {}) }),
    overrides: { ...defined({ contextWindow, fastMode, toolOverrides }), ...(execNode ? { execHost: 'node', execNode } : {}) }
  })
  const turn = await firstTurn(params, record.key, context)
  const current = sessions.get(record.key) ?? record
  return { ok: true, key: record.key, sessionId: record.sessionId, entry: wireEntry(current), ...turn, resolved: resolved(rooms, current) }
}

/** Without the fields that were not given. */
function defined<T extends object> (fields: T): { [field in keyof T]: Exclude<T[field], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never
}

async function patchOne ({ sessions }: Rooms, named: { key: string, agentId?: string }, patch: object): Promise<SessionRecord> {
  const { key } = sessions.locate(named.key, named.agentId)
  await sessions.ready
  // What is not there may only come to be where there is an agent.
  const target = sessions.get(key) ? key : sessions.target(named.key, named.agentId).key
  return sessions.lifecycle.patch(target, patch as { [field: string]: unknown })
}

const many = Type.Object({
  targets: Type.Array(Type.Object({
    ...addressed, expectedSessionId: optional(text()), expectedLifecycleRevision: optional(text())
  }, { additionalProperties: false }), { minItems: 1, maxItems: 100 }),
  patch: Type.Object(patchFields, { additionalProperties: false, minProperties: 1 })
}, { additionalProperties: false })

export const sessionsChanges = {
  'sessions.create': method({
    scope: createScope,
    params: CreateParams,
    result: openObject,
    handle: create
  }),
  'sessions.patch': method({
    scope: patchScope,
    params: Type.Object({ ...addressed, ...expectations, ...patchFields }, { additionalProperties: false }),
    result: openObject,
    async handle ({ key, agentId, ...patch }, { rooms }) {
      const record = await patchOne(rooms, { key, ...(agentId === undefined ? {} : { agentId }) }, patch)
      return { ok: true, path: rooms.sessions.path(), key: record.key, entry: wireEntry(record), resolved: resolved(rooms, record) }
    }
  }),
  'sessions.patchMany': method({
    scope: patchManyScope,
    params: many,
    result: openObject,
    async handle ({ targets, patch }, { rooms }) {
      const outcomes = targets.map(async ({ key, agentId, ...expected }) => {
        const named = { key, ...(agentId === undefined ? {} : { agentId }) }
        try {
          await patchOne(rooms, named, { ...patch, ...expected })
          return { ok: true, ...named }
        } catch (error) {
          if (!isGatewayError(error)) throw error
          return { ok: false, ...named, error: error.toWire() }
        }
      })
      return { outcomes: await Promise.all(outcomes) }
    }
  }),
  'sessions.reset': method({
    scope: 'operator.admin',
    params: Type.Object({
      ...addressed,
      reason: optional(oneOf(['new', 'reset'])),
      expectedSessionId: optional(text()),
      expectedLifecycleRevision: optional(text())
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ key, agentId, ...options }, { rooms }) {
      const target = rooms.sessions.target(key, agentId)
      await rooms.sessions.lifecycle.expect(target.key, options, 'reset')
      await stopRuns(rooms, target.key)
      const record = await rooms.sessions.lifecycle.reset(target.key, options)
      return { ok: true, key: record.key, entry: wireEntry(record), resolved: resolved(rooms, record) }
    }
  }),
  'sessions.delete': method({
    scope: deleteScope,
    params: Type.Object({
      ...addressed,
      deleteTranscript: optional(Type.Boolean()),
      expectedSessionId: optional(text()),
      expectedLifecycleRevision: optional(text()),
      expectedSessionUpdatedAt: optional(Type.Number({ minimum: 0 })),
      emitLifecycleHooks: optional(Type.Boolean()),
      archivedOnly: optional(Type.Boolean())
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ key, agentId, deleteTranscript, emitLifecycleHooks, ...options }, { rooms }) {
      const target = rooms.sessions.locate(key, agentId)
      await rooms.sessions.lifecycle.mayRemove(target.key, options)
      await stopRuns(rooms, target.key)
      return { ok: true, key: target.key, ...await rooms.sessions.lifecycle.remove(target.key, options) }
    }
  }),
  'sessions.compact': method({
    scope: 'operator.admin',
    params: Type.Object({
      ...addressed, maxLines: optional(Type.Integer({ minimum: 1 })), instructions: optional(Type.String({ maxLength: 4_000 }))
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ key, agentId, ...request }, { rooms, signal }) {
      const target = rooms.sessions.locate(key, agentId)
      if (rooms.runs.active(target.key).length > 0) throw new GatewayError('SESSION_ACTIVE', { details: { key: target.key } })
      const outcome = await rooms.sessions.compaction.compact(target.key, { ...request, signal })
      // That there was nothing to do is no failure; that a model could not do it is one, and no error of the request.
      const ok = outcome.compacted || outcome.reason === 'nothing to compact'
      return { ok, key: target.key, ...outcome }
    }
  }),
  'sessions.cleanup': method({
    scope: 'operator.admin',
    params: Type.Object({
      agent: optional(text()),
      allAgents: optional(Type.Boolean()),
      enforce: optional(Type.Boolean()),
      dryRun: optional(Type.Boolean()),
      activeKey: optional(key),
      fixMissing: optional(Type.Boolean()),
      fixDmScope: optional(Type.Boolean())
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ agent, allAgents, enforce, dryRun, activeKey }, { rooms }) {
      const report = await rooms.sessions.maintenance.run({
        ...(agent === undefined || allAgents ? {} : { agentId: rooms.sessions.target(undefined, agent).agentId }),
        ...(enforce === undefined ? {} : { enforce }),
        ...(dryRun === undefined ? {} : { dryRun }),
        ...(activeKey === undefined ? {} : { activeKey: rooms.sessions.target(activeKey).key })
      })
      const { steps, deleted, ...counts } = report
      return { ok: true, ...counts, dryRun: dryRun === true, pruned: deleted, missing: 0, dmScopeRetired: 0, steps: steps.slice(0, 200) }
    }
  })
}
