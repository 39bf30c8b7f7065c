/** What people read of a `health` answer. */
import { escapeControl } from '../lib/text.ts'
import { duration } from './table.ts'

export interface HealthView {
  ok?: boolean
  durationMs?: number
  defaultAgentId?: string
  channelOrder?: string[]
  channelLabels?: { [id: string]: string }
  channels?: { [id: string]: { configured?: boolean, linked?: boolean, running?: boolean, lastError?: string | null } }
  agents?: {
    agentId: string
    isDefault?: boolean
    heartbeat?: { enabled?: boolean, every?: string }
    sessions?: { path?: string, count?: number }
  }[]
  eventLoop?: {
    degraded?: boolean
    reasons?: string[]
    delayP99Ms?: number
    delayMaxMs?: number
    utilization?: number
    cpuCoreRatio?: number
  }
}

const ms = (value: number | undefined): string => value === undefined ? '-' : `${Math.round(value)}ms`
const ratio = (value: number | undefined): string => value === undefined ? '-' : String(Math.round(value * 100) / 100)

export function eventLoopText ({ eventLoop }: HealthView): string | undefined {
  if (!eventLoop) return undefined
  const state = eventLoop.degraded ? `degraded (${(eventLoop.reasons ?? []).join(', ')})` : 'ok'
  return `${state} max=${ms(eventLoop.delayMaxMs)} p99=${ms(eventLoop.delayP99Ms)} ` +
    `util=${ratio(eventLoop.utilization)} cpu=${ratio(eventLoop.cpuCoreRatio)}`
}

export function channelLines (health: HealthView): string[] {
  return (health.channelOrder ?? Object.keys(health.channels ?? {})).map(id => {
    const { configured, linked, running, lastError } = health.channels?.[id] ?? {}
    const states = [
      configured === false ? 'not configured' : configured ? 'configured' : undefined,
      linked === undefined ? undefined : linked ? 'linked' : 'not linked',
      running === undefined ? undefined : running ? 'running' : 'stopped',
      lastError ? `last error: ${lastError}` : undefined
    ].filter(Boolean).join(', ')
    return escapeControl(`${health.channelLabels?.[id] ?? id}: ${states || 'unknown'}`)
  })
}

export const agentsText = ({ agents }: HealthView): string | undefined => agents?.length
  ? agents.map(({ agentId, isDefault }) => escapeControl(`${agentId}${isDefault ? ' (default)' : ''}`)).join(', ')
  : undefined

/** Why some things do not begin by themselves, as a `status` answer says it while it is so. */
export const heldBackText = ({ crashLoop }: { crashLoop?: { message?: string } }): string | undefined =>
  crashLoop && escapeControl(crashLoop.message ?? 'restart-loop breaker tripped', 1_000)

export function healthLines (health: HealthView): string[] {
  const agents = health.agents ?? []
  const loop = eventLoopText(health)
  const names = agentsText(health)
  return [
    ...(loop ? [`Gateway event loop: ${loop}`] : []),
    `Gateway probe duration: ${duration(health.durationMs ?? 0)}`,
    ...channelLines(health),
    ...(names ? [`Agents: ${names}`] : []),
    ...agents.map(({ agentId, heartbeat }) => `Heartbeat interval: ${heartbeat?.every ?? 'disabled'} (${escapeControl(agentId)})`),
    ...agents.map(({ agentId, sessions }) => `Session store (${escapeControl(agentId)}): ${sessions?.path ?? '-'} (${sessions?.count ?? 0} entries)`)
  ]
}
