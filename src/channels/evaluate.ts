import type { AccountFacts, RestartReason } from './facts.ts'

export interface HealthThresholds {
  readonly connectGraceMs: number
  readonly reconnectGraceMs: number
  readonly staleMs: number
  readonly stuckMs: number
}

export type Verdict =
  | { readonly healthy: true, readonly reason: 'unmanaged' | 'startup-connect-grace' | 'busy' | 'reconnect-grace' | 'healthy' }
  | {
    readonly healthy: false
    readonly reason: 'terminal-disconnect' | 'ingress-unavailable' | 'blocked' | 'not-running' | 'stuck' | 'disconnected' | 'stale-socket'
  }

export type Unwell = Extract<Verdict, { healthy: false }>['reason']

const well = (reason: Extract<Verdict, { healthy: true }>['reason']): Verdict => ({ healthy: true, reason })
const unwell = (reason: Unwell): Verdict => ({ healthy: false, reason })

/** A clock that was set back makes the past look like the future; nothing follows from that. */
const past = (at: number | undefined, now: number): number | undefined => at !== undefined && at <= now ? at : undefined

/** Busy for as long as its last sign of life allows. A mark from before this start says nothing. */
function busyVerdict (facts: AccountFacts, { stuckMs }: HealthThresholds, now: number): Verdict | undefined {
  const { activeRuns, connected } = facts
  const startedAt = past(facts.lastStartAt, now)
  const activeAt = past(facts.lastRunActivityAt, now)
  if (activeRuns === 0 || (startedAt !== undefined && (activeAt === undefined || activeAt < startedAt))) return undefined
  const sinceActivity = now - (activeAt ?? now)
  const sinceBegin = connected === false ? now - (past(facts.activeSinceAt, now) ?? now) : 0
  return Math.max(sinceActivity, sinceBegin) < stuckMs ? well('busy') : unwell('stuck')
}

function disconnectedVerdict (facts: AccountFacts, { reconnectGraceMs }: HealthThresholds, now: number): Verdict {
  const at = past(facts.lastDisconnectAt, now)
  const startedAt = past(facts.lastStartAt, now) ?? 0
  const since = Math.max(at ?? 0, past(facts.wokeAt, now) ?? 0)
  return at !== undefined && at >= startedAt && now - since < reconnectGraceMs ? well('reconnect-grace') : unwell('disconnected')
}

function silenceVerdict (facts: AccountFacts, { staleMs }: HealthThresholds, now: number): Verdict {
  const heardAt = past(facts.lastTransportActivityAt, now)
  if (heardAt === undefined) return well('healthy')
  const since = Math.max(heardAt, past(facts.lastStartAt, now) ?? 0, past(facts.wokeAt, now) ?? 0)
  return now - since <= staleMs ? well('healthy') : unwell('stale-socket')
}

/** How one account is, by the first rule that fits. */
export function evaluate (facts: AccountFacts, thresholds: HealthThresholds, now: number): Verdict {
  const { lifecycle, running, connected } = facts
  if (!facts.enabled || !facts.configured) return well('unmanaged')
  if (!running && facts.isHeldBack) return unwell('blocked')
  if (!running && facts.terminal) return unwell('terminal-disconnect')
  if (facts.ingressUnavailable) return unwell('ingress-unavailable')
  if (lifecycle === 'blocked') return unwell('blocked')
  const startedAt = Math.max(past(facts.lastStartAt, now) ?? -Infinity, past(facts.wokeAt, now) ?? -Infinity)
  if ((lifecycle === 'starting' || lifecycle === 'recovering') && now - startedAt < thresholds.connectGraceMs) return well('startup-connect-grace')
  if (!running) return unwell('not-running')
  const busy = busyVerdict(facts, thresholds, now)
  if (busy) return busy
  if (connected === false) return disconnectedVerdict(facts, thresholds, now)
  return connected === true ? silenceVerdict(facts, thresholds, now) : well('healthy')
}

/** What a restart for this is counted as. */
export function restartReasonOf (reason: Unwell, { reconnectAttempts }: AccountFacts, maxAttempts: number): RestartReason {
  if (reason === 'stale-socket' || reason === 'ingress-unavailable' || reason === 'disconnected') return reason
  if (reason === 'not-running') return reconnectAttempts >= maxAttempts ? 'gave-up' : 'stopped'
  return 'stuck'
}
