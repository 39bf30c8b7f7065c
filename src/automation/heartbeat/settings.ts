/** Which agents look around by themselves, how often, when, and where they say what they found. */
import { createHash } from 'node:crypto'
import { agentEntries, defaultAgentId } from '../../config/agent-entries.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { parseDuration } from '../../lib/duration.ts'

export interface Heartbeat {
  readonly agentId: string
  /** As the configuration writes it. */
  readonly every: string
  /** 0: not by itself. */
  readonly everyMs: number
  readonly sessionKey: string
  /** `owner`, `last`, `none` or a channel. */
  readonly target: string
  readonly to?: string
  readonly accountId?: string
  readonly model?: string
  readonly prompt: string
  readonly ackMaxChars: number
  readonly timeoutMs: number
  readonly activeHours?: ActiveHours
}

interface ActiveHours {
  readonly start?: string
  readonly end?: string
  readonly timezone?: string
}

type Config = LoadedConfig['config']
type Block = { readonly [field: string]: unknown }

const defaultPrompt = 'Nobody wrote to you: this is your heartbeat. If HEARTBEAT.md is among the files of your workspace, do what it says; ' +
  'if events are listed below, see to them. Do not take up old tasks of earlier conversations. If nothing needs attention, reply HEARTBEAT_OK.'

const longestTurnMs = 600_000

/** A bare number is minutes. */
function intervalOf (every: string): number {
  try {
    return /^\d+(\.\d+)?$/.test(every.trim()) ? Number(every) * 60_000 : parseDuration(every.trim())
  } catch {
    return 0
  }
}

const text = (value: unknown): string | undefined => typeof value === 'string' && value.trim() !== '' ? value : undefined
const given = (block: Block): Block => Object.fromEntries(Object.entries(block).filter(([, value]) => value !== undefined))

/** Where some agents have settings of their own, only those have a heartbeat; else the one that is meant when none is named. */
export function heartbeatsOf (config: Config): Heartbeat[] {
  const entries = agentEntries(config)
  const own = entries.filter(({ heartbeat }) => heartbeat !== undefined)
  const agents = own.length > 0 ? own : entries.filter(({ id }) => id === defaultAgentId(config))
  const { heartbeat: shared, timeoutSeconds } = config.agents.defaults
  return agents.map(({ id, heartbeat }): Heartbeat => {
    const block = { ...given(shared), ...given((heartbeat ?? {}) as Block) } as Block
    const every = String(block['every'] ?? '30m')
    const everyMs = intervalOf(every)
    const agentId = id.toLowerCase()
    const seconds = typeof block['timeoutSeconds'] === 'number' ? block['timeoutSeconds'] : undefined
    const session = text(block['session'])
    const to = text(block['to'])
    const accountId = text(block['accountId'])
    const model = text(block['model'])
    return {
      agentId,
      every,
      everyMs,
      sessionKey: session === undefined || session === 'main' ? `agent:${agentId}:main` : session,
      target: text(block['target']) ?? 'owner',
      ...(to === undefined ? {} : { to }),
      ...(accountId === undefined ? {} : { accountId }),
      ...(model === undefined ? {} : { model }),
      prompt: text(block['prompt']) ?? defaultPrompt,
      ackMaxChars: typeof block['ackMaxChars'] === 'number' ? block['ackMaxChars'] : 300,
      timeoutMs: seconds === undefined ? Math.min(timeoutSeconds * 1000, everyMs || longestTurnMs, longestTurnMs) : seconds * 1000,
      ...(typeof block['activeHours'] === 'object' && block['activeHours'] !== null ? { activeHours: block['activeHours'] as ActiveHours } : {})
    }
  })
}

/** Agents beat at different moments, and a restart moves none of them. */
const phaseOf = (agentId: string, everyMs: number): number => createHash('sha256').update(agentId).digest().readUInt32BE(0) % everyMs

/** The first beat after this moment; undefined: none by itself. */
export function nextBeat ({ agentId, everyMs }: Heartbeat, afterMs: number): number | undefined {
  if (everyMs <= 0) return undefined
  const phaseMs = phaseOf(agentId, everyMs)
  return (Math.floor((afterMs - phaseMs) / everyMs) + 1) * everyMs + phaseMs
}

const minutesOf = (time: string | undefined, absent: number): number => {
  const match = /^(\d{1,2}):(\d{2})$/.exec(time ?? '')
  return match ? Number(match[1]) * 60 + Number(match[2]) : absent
}

function formatIn (zone: string | undefined): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', ...(zone === undefined ? {} : { timeZone: zone }) })
  } catch {
    return undefined
  }
}

/** From `start` to before `end`, over midnight where it ends earlier than it begins. Equal times leave nothing. */
export function isActive ({ activeHours }: Heartbeat, config: Config, nowMs: number): boolean {
  if (!activeHours) return true
  const { start, end, timezone = 'user' } = activeHours
  const ofUser = config.agents.defaults.userTimezone
  const format = formatIn(timezone === 'local' ? undefined : timezone === 'user' ? ofUser : timezone) ?? formatIn(ofUser) ?? formatIn(undefined)!
  const nowMinutes = minutesOf(format.format(nowMs), 0)
  const [from, until] = [minutesOf(start, 0), minutesOf(end, 24 * 60)]
  return from <= until ? nowMinutes >= from && nowMinutes < until : nowMinutes >= from || nowMinutes < until
}
