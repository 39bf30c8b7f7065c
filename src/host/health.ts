import type { EventLoopFacts, EventLoopMonitor } from './event-loop.ts'

export interface AgentFacts {
  readonly agentId: string
  readonly name?: string
  readonly isDefault: boolean
}

export interface SessionStoreFacts {
  readonly path: string
  readonly count: number
  ofAgent (agentId: string): number
}

export interface HealthSources {
  readonly agents: () => readonly AgentFacts[]
  /** Left out where nothing watches the configuration: `disabled` tells readers that a watcher has given up. */
  readonly hotReload?: () => 'active' | 'disabled'
  readonly sessionStore: () => SessionStoreFacts
  /** Agents that look around by themselves. */
  readonly heartbeats?: () => ReadonlyArray<{ readonly agentId: string, readonly everyMs: number | null }>
  /** Undefined while no channel has been needed. */
  readonly channels?: () => ChannelFacts | undefined
}

/** How the ways to the services are where people write, as everybody who is connected may see it. */
export interface ChannelFacts {
  readonly channels: { readonly [id: string]: object }
  readonly channelOrder: readonly string[]
  readonly channelLabels: { readonly [id: string]: string }
  readonly deliveryQueues?: object
}

export interface HealthSnapshot {
  ok: true
  ts: number
  durationMs: number
  configReload?: { hotReloadStatus: 'active' | 'disabled' }
  channels: ChannelFacts['channels']
  channelOrder: ChannelFacts['channelOrder']
  channelLabels: ChannelFacts['channelLabels']
  deliveryQueues?: object
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
  /** Something that it tells has changed: whoever listens hears of it soon, many changes at once. */
  changed (): void
}

export interface HealthOptions {
  readonly now: () => number
  /** How old what is kept has become does not depend on the clock of the machine. */
  readonly steady?: () => number
  readonly sources: HealthSources
  readonly eventLoop: EventLoopMonitor
  readonly onRefreshed: (snapshot: HealthSnapshot) => void
  readonly maxAgeMs?: number
}

/** A count that is not true any more is renewed sooner, though not for everybody who asks. */
const countAgeMs = 1000

/** Many things change at the same time when a connection comes or goes. */
const gatheringMs = 250

const noChannels: ChannelFacts = { channels: {}, channelOrder: [], channelLabels: {} }

const noHeartbeat = { enabled: false, every: 'disabled', everyMs: null, prompt: '', target: 'none', ackMaxChars: 300 }

/** The gateway's view of its own health. Kept as JSON because it is read far more often than it changes. */
export function createHealth (options: HealthOptions): Health {
  const { now, steady = now, sources, maxAgeMs = 60_000 } = options
  let current: HealthSnapshot | undefined
  let json = ''
  let builtAtMs = 0
  let version = 0
  let gathering: NodeJS.Timeout | undefined

  function build (): HealthSnapshot {
    const ts = now()
    const agents = sources.agents()
    const store = sources.sessionStore()
    const sessionsOf = (count: number) => ({ path: store.path, count, recent: [] })
    const beating = sources.heartbeats?.() ?? []
    const heartbeatOf = (agent: AgentFacts): object => {
      const { agentId, ...facts } = beating.find(one => one.agentId === agent.agentId.toLowerCase()) ?? {}
      return agentId === undefined ? noHeartbeat : facts
    }
    return {
      ok: true,
      ts,
      durationMs: Math.max(0, now() - ts),
      ...(sources.hotReload ? { configReload: { hotReloadStatus: sources.hotReload() } } : {}),
      ...(sources.channels?.() ?? noChannels),
      heartbeatSeconds: Math.round((beating.find(({ everyMs }) => everyMs !== null)?.everyMs ?? 0) / 1000),
      defaultAgentId: agents.find(agent => agent.isDefault)?.agentId ?? 'main',
      agents: agents.map(agent => ({ ...agent, heartbeat: heartbeatOf(agent), sessions: sessionsOf(store.ofAgent(agent.agentId)) })),
      sessions: sessionsOf(store.count),
      eventLoop: options.eventLoop.read()
    }
  }

  function refreshed (fresh: boolean): HealthSnapshot {
    const isCurrent = ({ sessions }: HealthSnapshot): boolean =>
      steady() - builtAtMs < (sessions.count === sources.sessionStore().count ? maxAgeMs : countAgeMs)
    if (current && !fresh && isCurrent(current)) return current
    current = build()
    builtAtMs = steady()
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
    version: () => version,
    changed () {
      if (!current) return
      gathering ??= setTimeout(() => {
        gathering = undefined
        refreshed(true)
      }, gatheringMs).unref()
    }
  }
}
