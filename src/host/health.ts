import type { EventLoopFacts, EventLoopMonitor } from './event-loop.ts'

export interface AgentFacts {
  readonly agentId: string
  readonly name?: string
  readonly isDefault: boolean
}

export interface HealthSources {
  readonly agents: () => readonly AgentFacts[]
  /** Left out where nothing watches the configuration: `disabled` tells readers that a watcher has given up. */
  readonly hotReload?: () => 'active' | 'disabled'
  readonly sessionStore: () => { path: string, count: number }
}

export interface HealthSnapshot {
  ok: true
  ts: number
  durationMs: number
  configReload?: { hotReloadStatus: 'active' | 'disabled' }
  channels: { [id: string]: unknown }
  channelOrder: string[]
  channelLabels: { [id: string]: string }
  heartbeatSeconds: number
  defaultAgentId: string
  agents: object[]
  sessions: { path: string, count: number, recent: object[] }
  eventLoop: EventLoopFacts
}

export interface Health {
  /** At most a minute old; asking for it is what renews it. */
  json (options?: { fresh?: boolean }): string
  snapshot (options?: { fresh?: boolean }): HealthSnapshot
  version (): number
}

export interface HealthOptions {
  readonly now: () => number
  readonly sources: HealthSources
  readonly eventLoop: EventLoopMonitor
  readonly onRefreshed: (snapshot: HealthSnapshot) => void
  readonly maxAgeMs?: number
}

const noHeartbeat = { enabled: false, every: 'disabled', everyMs: null, prompt: '', target: 'none', ackMaxChars: 300 }

/** The gateway's view of its own health. Kept as JSON because it is read far more often than it changes. */
export function createHealth (options: HealthOptions): Health {
  const { now, sources, maxAgeMs = 60_000 } = options
  let current: HealthSnapshot | undefined
  let json = ''
  let version = 0

  function build (): HealthSnapshot {
    const ts = now()
    const agents = sources.agents()
    const store = sources.sessionStore()
    const sessions = { path: store.path, count: store.count, recent: [] }
    return {
      ok: true,
      ts,
      durationMs: Math.max(0, now() - ts),
      ...(sources.hotReload ? { configReload: { hotReloadStatus: sources.hotReload() } } : {}),
      channels: {},
      channelOrder: [],
      channelLabels: {},
      heartbeatSeconds: 0,
      defaultAgentId: agents.find(agent => agent.isDefault)?.agentId ?? 'main',
      agents: agents.map(agent => ({ ...agent, heartbeat: noHeartbeat, sessions })),
      sessions,
      eventLoop: options.eventLoop.read()
    }
  }

  function refreshed (fresh: boolean): HealthSnapshot {
    if (current && !fresh && now() - current.ts < maxAgeMs) return current
    current = build()
    json = JSON.stringify(current)
    version++
    options.onRefreshed(current)
    return current
  }

  return {
    json ({ fresh = false } = {}) {
      refreshed(fresh)
      return json
    },
    snapshot: ({ fresh = false } = {}) => refreshed(fresh),
    version: () => version
  }
}
