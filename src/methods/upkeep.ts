/** How steady this gateway is, what is at work behind its conversations, where that runs, and how this program gets its next version. */
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Caller } from '../auth/caller.ts'
import { GatewayError } from '../protocol/errors.ts'
import { oneOf, Type } from '../protocol/type.ts'
import type { SessionRecord, SpawnFacts } from '../sessions/record.ts'
import { nodeRows } from './node-rows.ts'
import { method, type Rooms } from './rooms.ts'
import { noParams, openObject, text } from './shapes.ts'

const taskStates = ['queued', 'running', 'completed', 'failed', 'cancelled', 'timed_out'] as const
type TaskState = typeof taskStates[number]

const TasksParams = Type.Object({
  status: Type.Optional(Type.Union([oneOf(taskStates), Type.Array(oneOf(taskStates), { maxItems: 6 })])),
  agentId: Type.Optional(text({ maxLength: 128 })),
  sessionKey: Type.Optional(text({ maxLength: 512 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
  cursor: Type.Optional(Type.String({ maxLength: 32 }))
}, { additionalProperties: false })

const defaultTasks = 100
const titleChars = 200

const endings: { readonly [outcome in NonNullable<SpawnFacts['outcome']>]: TaskState } = {
  ok: 'completed', error: 'failed', aborted: 'cancelled', cancelled: 'cancelled', timeout: 'timed_out', interrupted: 'failed'
}

/** A helper that a conversation began. */
function taskOf ({ key, agentId, spawnedBy, label, updatedAt }: SessionRecord, spawn: SpawnFacts) {
  return {
    id: spawn.runId,
    taskId: spawn.runId,
    runId: spawn.runId,
    kind: 'subagent',
    runtime: 'subagent',
    status: spawn.outcome === undefined ? 'running' as const : endings[spawn.outcome],
    title: (label ?? spawn.task).slice(0, titleChars),
    agentId,
    ...(spawnedBy ? { sessionKey: spawnedBy, ownerKey: spawnedBy } : {}),
    childSessionKey: key,
    createdAt: spawn.startedAtMs,
    startedAt: spawn.startedAtMs,
    updatedAt: spawn.endedAtMs ?? updatedAt,
    ...(spawn.endedAtMs === undefined ? {} : { endedAt: spawn.endedAtMs }),
    ...(spawn.reason ? { error: spawn.reason } : {})
  }
}

async function tasksOf ({ sessions }: Rooms, caller: Caller) {
  await sessions.ready
  const own = sessions.as(caller)
  const tasks = Iterator.from(sessions.records())
    .flatMap(record => record.spawn && own.get(record.key) ? [taskOf(record, record.spawn)] : [])
  return [...tasks].sort((a, b) => b.createdAt - a.createdAt)
}

/** This host, and every machine that lends it commands. */
async function environmentsOf (rooms: Rooms): Promise<object[]> {
  const label = hostname() || 'gateway'
  const own = { id: 'gateway', type: 'local', label, status: 'available', platform: process.platform, sessionHost: true }
  const nodes = (await nodeRows(rooms)).map(({ nodeId, displayName, platform, connected, caps, lastSeenAtMs }) => ({
    id: `node:${nodeId}`,
    type: 'node',
    ...(displayName ? { label: String(displayName) } : {}),
    status: connected ? 'available' : 'unavailable',
    ...(platform ? { platform: String(platform) } : {}),
    sessionHost: false,
    capabilities: [...caps],
    ...(typeof lastSeenAtMs === 'number' ? { lastSeenAtMs } : {})
  }))
  return [own, ...nodes]
}

/** A checkout is updated by Git, a package by npm; sources and compiled code lie equally deep below the root. */
const isCheckout = (): boolean => existsSync(new URL('../../.git', import.meta.url))
const howToUpdate = (): string => `${isCheckout() ? 'git pull && npm ci' : 'npm install -g openclaw-gateway'} && openclaw gateway restart`

const UpdateParams = Type.Object({
  sessionKey: Type.Optional(text({ maxLength: 512 })),
  deliveryContext: Type.Optional(openObject),
  note: Type.Optional(Type.String({ maxLength: 4096 })),
  continuationMessage: Type.Optional(Type.String({ maxLength: 16_384 })),
  restartDelayMs: Type.Optional(Type.Integer({ minimum: 0 })),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 1 })),
  target: Type.Optional(openObject)
}, { additionalProperties: false })

const nothingToSay = { ready: false, providers: [] }

export const upkeep = {
  'tasks.list': method({
    scope: 'operator.read',
    params: TasksParams,
    result: openObject,
    async handle ({ status, agentId, sessionKey, limit = defaultTasks, cursor }, { rooms, caller }) {
      const from = cursor === undefined ? 0 : Number(cursor)
      if (!Number.isSafeInteger(from) || from < 0) throw new GatewayError('INVALID_PARAMS', { message: 'invalid tasks.list params: cursor' })
      const states = status === undefined ? undefined : new Set([status].flat())
      const found = (await tasksOf(rooms, caller)).filter(task => (states?.has(task.status) ?? true) &&
        (agentId === undefined || task.agentId === agentId) &&
        (sessionKey === undefined || task.sessionKey === sessionKey || task.childSessionKey === sessionKey))
      const next = from + limit
      return { tasks: found.slice(from, next), ...(next < found.length ? { nextCursor: String(next) } : {}) }
    }
  }),
  'environments.list': method({
    scope: 'operator.read',
    params: noParams,
    result: openObject,
    handle: async (_params, { rooms }) => ({ environments: await environmentsOf(rooms) })
  }),
  'diagnostics.stability': method({
    scope: 'operator.read',
    params: Type.Object({
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000 })),
      type: Type.Optional(text({ maxLength: 120 })),
      sinceSeq: Type.Optional(Type.Integer({ minimum: 0 }))
    }, { additionalProperties: false }),
    result: openObject,
    handle: (params, { rooms }) => ({ generatedAt: new Date(rooms.now()).toISOString(), ...rooms.incidents.report(params) })
  }),
  // Nobody is asked whether there is a newer version: this gateway calls no address that its owner did not name.
  'update.status': method({
    scope: 'operator.admin',
    changes: false,
    params: Type.Object({ refreshCheckout: Type.Optional(Type.Boolean()) }, { additionalProperties: false }),
    result: openObject,
    handle: () => ({
      sentinel: null,
      updateAvailable: null,
      effectiveChannel: 'stable',
      schedule: { channel: 'stable', autoEnabled: false, install: { kind: isCheckout() ? 'git' : 'package' } }
    })
  }),
  'update.run': method({
    scope: 'operator.admin',
    controlPlane: true,
    params: UpdateParams,
    result: openObject,
    // What runs does not replace its own files: whoever installed them does, and restarts afterwards.
    handle: (_params, { rooms }) => ({
      ok: false,
      result: { status: 'skipped', reason: 'managed-service-handoff-unavailable', before: { version: rooms.version }, steps: [], durationMs: 0 },
      restart: null,
      handoff: { status: 'unavailable', command: howToUpdate() },
      message: `This gateway does not replace its own files. On its host, after a backup (openclaw backup), run: ${howToUpdate()}`
    })
  }),
  'users.prefs.get': method({
    scope: 'operator.read',
    params: openObject,
    result: openObject,
    // Settings of pages stay in their browser: a gateway with one owner has no profiles that they could belong to.
    handle: () => ({ status: 'no_durable_identity' })
  }),
  'talk.catalog': method({
    scope: 'operator.read',
    params: noParams,
    result: openObject,
    // Speech is offered to agents as the tool tts; conversations by voice are not offered, so there is no mode to choose.
    handle: () => ({
      modes: [], transports: [], brains: [], speech: nothingToSay, transcription: nothingToSay, realtime: nothingToSay
    })
  })
}
