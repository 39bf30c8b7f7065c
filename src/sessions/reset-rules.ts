/** When a conversation begins anew by itself: every day at an hour, or after a quiet time. */
import type { Config } from '../config/schema.ts'
import { parseKey, type KeyParts } from './keys.ts'
import type { SessionRecord } from './record.ts'

type SessionConfig = Pick<Config['session'], 'reset' | 'resetByType' | 'resetByChannel'>

export interface ResetRule {
  readonly mode?: 'none' | 'daily' | 'idle'
  readonly atHour?: number
  readonly idleMinutes?: number
}

const defaultHour = 4

const typeOf = ({ kind, threadId }: KeyParts): 'direct' | 'group' | 'thread' =>
  threadId !== undefined ? 'thread' : kind === 'group' || kind === 'channel' ? 'group' : 'direct'

/** The rule of the channel before the rule of the type, before the rule for all. */
export function ruleFor (record: SessionRecord, config: SessionConfig): ResetRule {
  const parts = parseKey(record.key)
  const channel = record.channel ?? parts.channel
  return (channel === undefined ? undefined : config.resetByChannel[channel]) ?? config.resetByType[typeOf(parts)] ?? config.reset
}

/** The last time that the hour struck, in the time zone of this machine. */
function lastStrike (atHour: number, now: number): number {
  const strike = new Date(now)
  strike.setHours(atHour, 0, 0, 0)
  if (strike.getTime() > now) strike.setDate(strike.getDate() - 1)
  return strike.getTime()
}

/** Why it is over, if it is. With both an hour and a quiet time the earlier one counts. */
export function expiryOf (record: SessionRecord, rule: ResetRule, now: number): 'daily' | 'idle' | undefined {
  const { mode = 'none', atHour = defaultHour, idleMinutes } = rule
  if (mode === 'none') return undefined
  const quietSince = record.lastInteractionAt ?? record.sessionStartedAt
  if (idleMinutes !== undefined && now - quietSince >= idleMinutes * 60_000) return 'idle'
  return mode === 'daily' && record.sessionStartedAt < lastStrike(atHour, now) ? 'daily' : undefined
}
