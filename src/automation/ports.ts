/** What happens by itself is built over these few functions of other rooms. */
import type { Runs } from '../agent/room.ts'
import type { ChannelRooms } from '../channels/room.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Environment } from '../config/environment.ts'
import type { EventBus } from '../events/bus.ts'
import type { Clock } from '../lib/clock.ts'
import type { Outbound } from '../lib/outbound/outbound.ts'
import type { Logger } from '../log/logger.ts'
import type { SessionsRoom } from '../sessions/sessions.ts'
import type { Store } from '../store/store.ts'
import type { Tools } from '../tools/tool.ts'

export interface AutomationSources {
  readonly config: () => LoadedConfig
  readonly env: Environment
  readonly store: Store
  readonly clock: Clock
  readonly runs: Pick<Runs, 'start' | 'find' | 'abort' | 'active' | 'pending'>
  readonly sessions: Pick<SessionsRoom, 'ready' | 'get' | 'target' | 'lines'>
  /** For jobs that are commands. */
  readonly tools: Pick<Tools, 'prepare' | 'forRun'>
  readonly emit: EventBus['emit']
  readonly outbound: Outbound
  /** Loaded when something is to be sent. */
  readonly channels: () => Promise<Pick<ChannelRooms, 'channels' | 'delivery'>>
  readonly workspaceOf: (agentId: string) => string
  /** Tells processes apart: whoever prepared something for one does not do it to another. */
  readonly processId: string
  readonly log: Logger
}
