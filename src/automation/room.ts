/** What methods and hooks may ask of what happens by itself. */
import type { AutomationPort } from '../tools/automation/port.ts'
import type { Cron } from './cron/room.ts'
import type { Heartbeats } from './heartbeat/heartbeats.ts'
import type { SystemEvents } from './system-events.ts'

export interface HeartbeatFacts {
  readonly agentId: string
  readonly enabled: boolean
  readonly every: string
  readonly everyMs: number | null
  readonly prompt: string
  readonly target: string
  readonly ackMaxChars: number
}

/** Each is loaded when there is something for it to do. */
export interface AutomationRoom extends AutomationPort {
  cron (): Promise<Cron>
  heartbeats (): Promise<Heartbeats>
  systemEvents (): Promise<SystemEvents>
  /** Agents that look around by themselves, as status pages show them. */
  beating (): readonly HeartbeatFacts[]
}
