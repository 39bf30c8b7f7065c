/** How long to wait before an account is begun anew, and when that has happened too often. */
import type { AccountFacts, RestartReason } from './facts.ts'

export interface RestartRules {
  /** The first wait; each further one is twice as long. */
  readonly firstMs: number
  readonly longestMs: number
  /** Share by which waits differ, so that accounts do not all come at once. */
  readonly jitter: number
  readonly maxPerHour: number
  /** Between tries once there were too many. */
  readonly slowMs: number
}

export const defaultRules: Omit<RestartRules, 'maxPerHour'> = { firstMs: 5_000, longestMs: 300_000, jitter: 0.1, slowMs: 900_000 }

const hourMs = 3_600_000

const ofLastHour = ({ restartsAt }: AccountFacts, now: number): number[] => restartsAt.filter(at => at <= now && now - at < hourMs)

export const restartsWithinHour = (facts: AccountFacts, now: number): number => ofLastHour(facts, now).length

/** Every automatic restart counts, whoever asked for it: the ladder after a crash as much as the monitor. */
export function countRestart (facts: AccountFacts, reason: RestartReason, now: number): void {
  facts.restartsAt = [...ofLastHour(facts, now), now]
  facts.restartsByReason[reason] = (facts.restartsByReason[reason] ?? 0) + 1
  facts.lastRestartReason = reason
}

export interface NextTry {
  readonly inMs: number
  /** There were too many within the hour. */
  readonly isSlow: boolean
}

export function nextTry (facts: AccountFacts, rules: RestartRules, now: number, random: () => number): NextTry {
  const recent = ofLastHour(facts, now)
  if (recent.length >= rules.maxPerHour) return { inMs: Math.max(rules.slowMs, recent.at(-rules.maxPerHour)! + hourMs - now), isSlow: true }
  if (facts.failedSince !== undefined) return { inMs: rules.slowMs, isSlow: true }
  const ladderMs = Math.min(rules.longestMs, rules.firstMs * 2 ** Math.min(facts.reconnectAttempts, 30))
  return { inMs: Math.round(ladderMs * (1 + rules.jitter * (2 * random() - 1))), isSlow: false }
}
