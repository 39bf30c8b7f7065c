import { hasChannels } from '../channels/entries.ts'
import { GatewayError } from '../protocol/errors.ts'
import { Type } from '../protocol/type.ts'
import { RawJson } from '../rpc/define-method.ts'
import type { AgentFacts } from '../host/health.ts'
import { PresenceEntry } from '../host/presence.ts'
import { isConfined } from '../sessions/ownership.ts'
import { method, type Rooms } from './rooms.ts'
import { noParams, okResult, openObject, text } from './shapes.ts'

const SystemEventParams = Type.Object({
  text: Type.Optional(Type.String({ maxLength: 4096 })),
  host: Type.Optional(text()),
  ip: Type.Optional(text()),
  mode: Type.Optional(text()),
  version: Type.Optional(text()),
  platform: Type.Optional(text()),
  deviceFamily: Type.Optional(text()),
  modelIdentifier: Type.Optional(text()),
  timeZone: Type.Optional(text()),
  lastInputSeconds: Type.Optional(Type.Integer({ minimum: 0 })),
  reason: Type.Optional(text()),
  tags: Type.Optional(Type.Array(text(), { maxItems: 32 })),
  deviceId: Type.Optional(text()),
  instanceId: Type.Optional(text()),
  roles: Type.Optional(Type.Array(text(), { maxItems: 8 })),
  scopes: Type.Optional(Type.Array(text(), { maxItems: 32 })),
  sessionKey: Type.Optional(text())
}, { additionalProperties: false })

const countsOf = (names: readonly string[]): object => Object.fromEntries(names.map(name => [name, 0]))

interface ListedRow { readonly [field: string]: unknown }

const recentFields = ['agentId', 'key', 'kind', 'sessionId', 'status', 'modelProvider', 'model', 'totalTokens', 'contextTokens', 'updatedAt'] as const

/** What was talked about last, without where it is stored: that is nobody's business below admin. */
function sessionsOf ({ sessions, now }: Rooms, agents: readonly AgentFacts[]): object {
  const { count, ofAgent } = sessions.storeFacts()
  const recentOf = (agentId?: string) => {
    const list = JSON.parse(sessions.list({ limit: 5, ...(agentId ? { agentId } : {}) })) as { defaults: ListedRow, sessions: ListedRow[] }
    const fieldsOf = (row: ListedRow) => Object.fromEntries(recentFields.map(field => [field, row[field]]))
    const recent = list.sessions.map(row => ({ ...fieldsOf(row), age: now() - Number(row['updatedAt']) }))
    return { defaults: list.defaults, recent }
  }
  const { defaults: { model = null, contextTokens = null }, recent } = recentOf()
  return {
    paths: [],
    count,
    defaults: { model, contextTokens },
    recent,
    byAgent: agents.map(({ agentId }) => ({ agentId, path: '[redacted]', count: ofAgent(agentId), recent: recentOf(agentId).recent }))
  }
}

/** Rows are read on first use. What cannot be read is not counted; readiness says that it cannot. */
const rowsInMemory = ({ sessions }: Rooms): Promise<void> => sessions.ready.catch(() => {})

const probeLimitMs = 8_000

/** Services are asked whether they know us; whoever may not read causes no such calls. */
async function probeChannels ({ channels, config }: Rooms): Promise<void> {
  if (!hasChannels(config().config)) return
  const { channels: room, probing } = await channels()
  await room.settled()
  await probing.probe(undefined, probeLimitMs)
}

interface ChannelState { readonly configured?: boolean, readonly running?: boolean, readonly healthState?: string }

/** One line for each channel. */
function channelLines ({ health }: Rooms): string[] {
  const { channelOrder, channelLabels, channels } = health.snapshot()
  return channelOrder.map(id => {
    const { configured, running, healthState } = channels[id] as ChannelState
    return `${channelLabels[id] ?? id}: ${configured ? 'configured' : 'not configured'}, ${running ? 'running' : 'stopped'}, ${healthState}`
  })
}

function heartbeatsOf ({ automation }: Rooms, agents: readonly AgentFacts[]): object[] {
  const beating = automation.beating()
  return agents.map(({ agentId }) => {
    const { enabled = false, every = 'disabled', everyMs = null } = beating.find(one => one.agentId === agentId.toLowerCase()) ?? {}
    return { agentId, enabled, every, everyMs }
  })
}

/** Sections whose rooms come later are there, empty, because status pages read them without asking. */
async function statusOf (rooms: Rooms): Promise<object> {
  const crashLoop = rooms.lifecycle.heldBack()
  const agents = rooms.agents()
  const memory = process.memoryUsage()
  const defaultAgentId = agents.find(agent => agent.isDefault)?.agentId ?? 'main'
  return {
    runtimeVersion: rooms.version,
    pid: process.pid,
    uptimeMs: rooms.lifecycle.uptimeMs(),
    phase: rooms.lifecycle.phase(),
    clients: rooms.connections.counts(),
    heartbeat: { defaultAgentId, agents: heartbeatsOf(rooms, agents) },
    channelSummary: channelLines(rooms),
    queuedSystemEvents: [],
    degradedSecretOwners: [],
    degradedPlugins: [],
    tasks: {
      total: 0,
      active: 0,
      terminal: 0,
      failures: 0,
      byStatus: countsOf(['queued', 'running', 'succeeded', 'failed', 'timed_out', 'cancelled', 'lost']),
      byRuntime: countsOf(['subagent', 'acp', 'cli', 'cron'])
    },
    taskAudit: {
      total: 0,
      warnings: 0,
      errors: 0,
      byCode: countsOf(['stale_queued', 'stale_running', 'lost', 'delivery_failed', 'missing_cleanup', 'inconsistent_timestamps'])
    },
    sessions: sessionsOf(rooms, agents),
    modelRuntime: { degraded: false, pendingAgents: [] },
    eventLoop: rooms.health.snapshot().eventLoop,
    ...(crashLoop ? { crashLoop } : {}),
    audit: await rooms.audit.standing(),
    processMemory: {
      rssBytes: memory.rss,
      heapUsedBytes: memory.heapUsed,
      heapTotalBytes: memory.heapTotal,
      externalBytes: memory.external,
      arrayBuffersBytes: memory.arrayBuffers
    }
  }
}

export const host = {
  health: method({
    scope: 'public',
    params: Type.Object({ probe: Type.Optional(Type.Boolean()) }),
    result: openObject,
    async handle (params, { rooms, caller }) {
      // Of agents and conversations it says how many there are.
      if (isConfined(caller.key)) return { ok: true, ts: rooms.now() }
      await rowsInMemory(rooms)
      const { probe = false } = params
      if (probe && caller.allows.has('operator.read')) await probeChannels(rooms)
      return new RawJson(rooms.health.json({ fresh: probe }))
    }
  }),
  status: method({
    scope: 'operator.read',
    params: openObject,
    result: openObject,
    async handle (_params, { rooms }) {
      await rowsInMemory(rooms)
      return statusOf(rooms)
    }
  }),
  'system-presence': method({
    scope: 'operator.read',
    params: openObject,
    result: Type.Array(PresenceEntry),
    handle: (_params, { rooms }) => new RawJson(rooms.presence.json())
  }),
  'system-event': method({
    scope: 'operator.admin',
    params: SystemEventParams,
    result: okResult,
    handle (params, { rooms, caller }) {
      const { sessionKey, ...entry } = params
      if (!entry.text && !entry.instanceId && !entry.host) {
        throw new GatewayError('INVALID_PARAMS', { message: 'invalid system-event params: text required', details: { method: 'system-event' } })
      }
      const key = entry.instanceId ?? entry.deviceId ?? entry.host ?? caller.principal
      rooms.presence.put(`beacon:${key}`, { reason: 'beacon', ...entry, ts: rooms.now() })
      return { ok: true as const }
    }
  }),
  'diagnostics.lanes': method({
    scope: 'operator.read',
    params: openObject,
    result: openObject,
    handle (_params, { rooms }) {
      const { lanes, sessions, active, queued, waitingSessions } = rooms.runs.stats()
      const dynamic = { laneCount: sessions, activeCount: active, queuedCount: queued, queuedLaneCount: waitingSessions }
      return {
        ts: rooms.now(),
        lanes: lanes.map(({ lane, active, queued, max }) => ({ lane, activeCount: active, queuedCount: queued, maxConcurrent: max })),
        dynamic: sessions === 0 ? null : dynamic
      }
    }
  }),
  'gateway.identity.get': method({
    scope: 'operator.read',
    params: noParams,
    result: Type.Object({ deviceId: text(), publicKey: text() }),
    handle: (_params, { rooms }) => rooms.gatewayIdentity()
  }),
  'system.info': method({
    scope: 'operator.read',
    params: noParams,
    result: openObject,
    async handle (_params, { rooms, caller }) {
      const { diskPath, ...info } = await rooms.systemInfo() as { diskPath?: string }
      // Where things lie on this host is nobody's business below admin.
      return caller.owner && diskPath !== undefined ? { ...info, diskPath } : info
    }
  }),
  'users.self': method({
    scope: 'operator.read',
    params: noParams,
    result: openObject,
    handle (_params, { caller }) {
      if (caller.user === undefined) {
        throw new GatewayError('FORBIDDEN', {
          message: 'users.self requires an authenticated user',
          details: { principal: caller.principal, authMethod: caller.method }
        })
      }
      return { user: { id: caller.user, identity: { type: 'profile', id: caller.user } }, authMethod: caller.method, scopes: caller.scopes }
    }
  })
}
