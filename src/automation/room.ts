/** What methods and hooks may ask of what happens by itself. */
import type { AutomationPort } from '../tools/automation/port.ts'
import type { Cron } from './cron/room.ts'
import type { HeartbeatEvent } from './heartbeat/heartbeats.ts'
import type { Places } from './places.ts'
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
  /** Undefined as long as there never was a job: then nothing is loaded. */
  jobs (): Promise<Cron | undefined>
  /** Whether jobs and heartbeats run by themselves. */
  isScheduled (): boolean
  lastHeartbeat (): Promise<HeartbeatEvent | null>
  enableHeartbeats (isEnabled: boolean): Promise<void>
  readonly processId: string
  systemEvents (): Promise<SystemEvents>
  places (): Promise<Places>
  /** Agents that look around by themselves, as status pages show them. */
  beating (): readonly HeartbeatFacts[]
}
