import type { Runs } from '../agent/room.ts'
import type { Roster } from '../agent/roster/roster.ts'
import type { Runtimes } from '../agent/runtimes.ts'
import type { Audit } from '../audit/audit.ts'
import type { Devices } from '../auth/devices/room.ts'
import type { Keys } from '../auth/keys/room.ts'
import type { AutomationRoom } from '../automation/room.ts'
import type { ChannelRooms } from '../channels/room.ts'
import type { LiveConfig } from '../config/live-config.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Reloads } from '../config/reloads.ts'
import type { EventBus } from '../events/bus.ts'
import type { EventLoopMonitor } from '../host/event-loop.ts'
import type { AgentFacts, Health } from '../host/health.ts'
import type { Incidents } from '../host/incidents.ts'
import type { Lifecycle } from '../host/lifecycle.ts'
import type { Presence } from '../host/presence.ts'
import type { LogsTailResult, TailOptions } from '../log/tail.ts'
import type { Nodes } from '../nodes/room.ts'
import type { Plugins } from '../plugins/plugins.ts'
import type { Models } from '../providers/model.ts'
import type { Approvals } from '../tools/approvals/approvals.ts'
import type { ApprovalsDocument } from '../tools/approvals/document.ts'
import type { Memory } from '../tools/memory/memory.ts'
import type { SessionsRoom } from '../sessions/sessions.ts'
import type { ToolsRoom } from '../tools/tools.ts'
import type { Connections } from '../rpc/connections.ts'
import { methodsOver } from '../rpc/define-method.ts'

/** The rooms that methods may enter. Handed over by the composition root. */
export interface Rooms {
  readonly version: string
  readonly now: () => number
  readonly health: Health
  readonly presence: Presence
  readonly lifecycle: Lifecycle
  readonly eventLoop: EventLoopMonitor
  readonly incidents: Incidents
  readonly events: EventBus
  readonly devices: Devices
  /** Loaded with the first use of an API key. */
  readonly keys: () => Promise<Keys>
  readonly sessions: SessionsRoom
  readonly models: Models
  readonly runs: Runs
  readonly runtimes: Runtimes
  readonly tools: ToolsRoom
  readonly plugins: Plugins
  /** Loaded with the first use, unless the configuration names a channel. */
  readonly channels: () => Promise<ChannelRooms>
  /** Loaded when the first node is asked or says something. */
  /** `loaded` only looks: before the first node has said anything there is nothing to see. */
  readonly nodes: (() => Promise<Nodes>) & { readonly loaded: () => Nodes | undefined }
  readonly automation: AutomationRoom
  readonly memory: Memory
  readonly audit: Audit
  readonly roster: Roster
  readonly approvals: Approvals
  readonly approvalsDocument: ApprovalsDocument
  readonly connections: Connections
  readonly config: () => LoadedConfig
  /** Reads the file again: what can take effect does. */
  readonly reloadConfig: () => Promise<LoadedConfig>
  /** The file as it is now, whatever of it runs. */
  readonly readConfig: () => Promise<LoadedConfig>
  /** Writes the file, and what of it can take effect does. */
  readonly changeConfig: LiveConfig['change']
  readonly reloads: Reloads
  readonly agents: () => readonly AgentFacts[]
  readonly tailLog: (params: Pick<TailOptions, 'cursor' | 'limit' | 'maxBytes'>) => Promise<LogsTailResult>
  readonly gatewayIdentity: () => Promise<{ deviceId: string, publicKey: string }>
  readonly authMode: () => string
  readonly systemInfo: () => Promise<object>
  /** Where clients on other hosts reach this gateway, and why we think so. */
  readonly reachableUrl: (publicUrl?: string) => { url: string, source: string, alternatives: string[] }
}

export const method = methodsOver<Rooms>()
