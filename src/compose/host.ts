import { agentEntries, defaultAgentId } from '../config/agent-entries.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { EventBus } from '../events/bus.ts'
import { createEventLoopMonitor, type EventLoopMonitor } from '../host/event-loop.ts'
import type { CrashLoop } from '../host/crash-loop.ts'
import { createHealth, type AgentFacts, type Health, type HealthSources } from '../host/health.ts'
import { createIncidents, type Incidents } from '../host/incidents.ts'
import { createLifecycle, type Lifecycle } from '../host/lifecycle.ts'
import { createPresence, type Presence } from '../host/presence.ts'
import { createRest, type Rest } from '../host/rest.ts'
import { createStrain, type Strain } from '../host/strain.ts'
import type { Logger } from '../log/logger.ts'
import type { Store } from '../store/store.ts'

export interface HostOptions {
  readonly config: () => LoadedConfig
  readonly store: Store
  readonly events: EventBus
  readonly log: Logger
  readonly version: string
  readonly bootId: string
  readonly now: () => number
  readonly steady: () => number
  readonly hotReload: () => 'active' | 'disabled'
  /** The method whose synchronous part ran last. */
  readonly lastMethod: () => string
  readonly sessionStore: HealthSources['sessionStore']
  readonly heartbeats: HealthSources['heartbeats']
  /** Channels that should work and do not. */
  readonly failingChannels: () => readonly string[]
  readonly channels: NonNullable<HealthSources['channels']>
  readonly crashLoop?: CrashLoop | undefined
  /** Ends the process in good order; absent where the gateway is part of another program. */
  readonly leave?: ((reason: string) => void) | undefined
}

/** What the gateway knows of itself and of who is here. */
export interface Host {
  readonly lifecycle: Lifecycle
  readonly eventLoop: EventLoopMonitor
  readonly rest: Rest
  readonly incidents: Incidents
  readonly strain: Strain
  readonly presence: Presence
  readonly health: Health
  readonly agents: () => AgentFacts[]
  readonly defaultAgent: () => AgentFacts
  readonly stateVersion: () => { presence: number, health: number }
}

export function createHost (options: HostOptions): Host {
  const { store, events, log, version, bootId, now, steady, crashLoop } = options
  const agents = (): AgentFacts[] => {
    const { config } = options.config()
    const defaultId = defaultAgentId(config)
    return agentEntries(config).map(({ id, name }) => ({ agentId: id, ...(name ? { name } : {}), isDefault: id === defaultId }))
  }
  const incidents = createIncidents(now)
  const strain = createStrain({
    limits: () => options.config().config.gateway.overload,
    incidents,
    say: (level, fields, message) => log[level](fields, message),
    leave: reason => options.leave?.(reason)
  })
  const eventLoop = createEventLoopMonitor({
    now: steady,
    onLook: strain.look,
    onBlocked (delayMs) {
      const facts = { delayMs, lastMethod: options.lastMethod() }
      incidents.note('diagnostic.liveness.warning', { reason: 'event_loop_delay', ...facts })
      log.warn(facts, 'the event loop stood still')
    }
  })
  const stateVersion = () => ({ presence: presence.version(), health: health.version() })
  const presence = createPresence({
    now, version, bootId, announce: entries => events.emit('presence', { presence: entries }, { stateVersion: stateVersion() })
  })
  const health = createHealth({
    now,
    steady,
    eventLoop,
    sources: {
      agents, hotReload: options.hotReload, sessionStore: options.sessionStore, heartbeats: options.heartbeats, channels: options.channels
    },
    // Not while whoever asked is still being answered.
    onRefreshed: snapshot => queueMicrotask(() => events.emit('health', snapshot, { stateVersion: stateVersion() }))
  })
  const loop = crashLoop?.facts()
  if (loop) incidents.note('diagnostic.crash_loop.tripped', { uncleanStarts: loop.uncleanStarts, windowMs: loop.windowMs })
  crashLoop?.onLift(health.changed)
  return {
    lifecycle: createLifecycle({ now: steady, checks: { 'state-database': () => store.status().writable }, more: () => [...options.failingChannels(), ...strain.failing()], crashLoop }),
    eventLoop,
    rest: createRest(),
    incidents,
    strain,
    presence,
    health,
    agents,
    defaultAgent: () => agents().find(({ isDefault }) => isDefault) ?? { agentId: 'main', isDefault: true },
    stateVersion
  }
}
