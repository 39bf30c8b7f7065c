/** What a run that is over means for its job: when it is due again, and whether it stays. */
import type { RunResult } from '../../agent/room.ts'
import type { RunLogEntry } from './history.ts'
import type { DeliveryStatus, HandedOver, Job, Underway } from './job.ts'
import { pacedAfter } from './pacing.ts'

/** After so many failures in a row, the last for all that follow. */
const backOffMs = [30_000, 60_000, 300_000, 900_000, 3_600_000]
/** A conversation that is told something more often has time for nothing else. */
const betweenTellingsMs = 10_000
const maxRetries = 3
const maxFailures = 10
const summaryChars = 2_000

const knownReasons: ReadonlySet<string> = new Set([
  'auth', 'format', 'rate_limit', 'overloaded', 'billing', 'server_error', 'timeout', 'context_overflow', 'model_not_found'
])
const passing: ReadonlySet<string> = new Set(['rate_limit', 'overloaded', 'network', 'timeout', 'server_error', 'busy', 'store_unavailable'])

export const backOffAfter = (failures: number): number => backOffMs[Math.min(Math.max(1, failures), backOffMs.length) - 1]!

type Failure = Pick<HandedOver, 'error' | 'errorReason' | 'isPassing'>

export function failureOf (kind: string, message: string): Failure {
  const errorReason = knownReasons.has(kind) ? kind : 'unclassified'
  return { error: message.slice(0, 1000), errorReason, ...(passing.has(kind) ? { isPassing: true } : {}) }
}

export type Ended = Omit<HandedOver, 'deliveryStatus'>

export function endedOf ({ outcome, text, error, endedAtMs, sessionId, provider, model, usage, stopReason }: RunResult): Ended {
  const why = error?.message ?? (outcome === 'timeout' ? 'the run took too long' : `the run was ended: ${stopReason ?? outcome}`)
  return {
    status: outcome === 'ok' ? 'ok' : 'error',
    endedAtMs,
    text: outcome === 'ok' ? text : '',
    ...(outcome === 'ok' ? {} : failureOf(error?.kind ?? outcome, why)),
    ...(sessionId ? { sessionId } : {}),
    ...(provider ? { provider } : {}),
    ...(model ? { model } : {}),
    ...(usage ? { usage: usageOf(usage) } : {})
  }
}

/** What an agent says on a line of its own when it could not do what it was there for. */
export const failedWord = 'AUTOMATION_FAILED'

/** An agent that says so has failed, although its run has not; what it says besides is delivered like any reply. */
export function declaredOf (end: Ended): Ended {
  const [first = '', ...rest] = end.text.trim().split('\n')
  if (end.status !== 'ok' || first.trim() !== failedWord) return end
  const text = rest.join('\n').trim() || 'the agent says that it failed, and not why'
  return { ...end, status: 'error', text, ...failureOf('declared', text) }
}

const usageOf = ({ input, output, totalTokens, cacheRead, cacheWrite }: NonNullable<RunResult['usage']>): { [field: string]: number } => ({
  input_tokens: input,
  output_tokens: output,
  total_tokens: totalTokens,
  ...(cacheRead ? { cache_read_tokens: cacheRead } : {}),
  ...(cacheWrite ? { cache_write_tokens: cacheWrite } : {})
})

/** Somebody asked for the delivery and takes it ill when it does not come about. */
export const isRequired = ({ delivery }: Job): boolean => delivery !== undefined && delivery.mode !== 'none' && delivery.bestEffort !== true

function completionOf (job: Job, { status, deliveryStatus }: HandedOver): RunLogEntry['completionStatus'] {
  if (status === 'error') return 'failed'
  const isArrived = deliveryStatus === 'delivered' || deliveryStatus === 'not-requested'
  if (isArrived || !isRequired(job)) return 'succeeded'
  return deliveryStatus === 'unknown' ? 'unknown' : 'failed'
}

export function entryOf (job: Job, underway: Underway, end: HandedOver, agentId: string): Omit<RunLogEntry, 'nextRunAtMs'> {
  const { status, endedAtMs, text, error, errorReason, sessionId, provider, model, usage } = end
  return {
    ts: endedAtMs,
    jobId: job.id,
    action: 'finished',
    status,
    completionStatus: completionOf(job, end),
    ...(error === undefined ? {} : { error }),
    ...(errorReason === undefined ? {} : { errorReason }),
    ...(text === '' ? {} : { summary: text.slice(0, summaryChars) }),
    ...deliveryFields(end),
    sessionKey: underway.sessionKey,
    ...(sessionId ? { sessionId } : {}),
    runId: underway.runId,
    runAtMs: underway.startedAtMs,
    durationMs: Math.max(0, endedAtMs - underway.startedAtMs),
    ...(provider ? { provider } : {}),
    ...(model ? { model } : {}),
    ...(usage ? { usage } : {}),
    jobName: job.name,
    agentId
  }
}

interface DeliveryFields {
  readonly deliveryStatus: DeliveryStatus
  readonly delivered?: boolean
  readonly deliveryError?: string
  readonly deliverySuppressionReason?: string
}

const deliveryFields = ({ deliveryStatus, deliveryError, suppressed }: HandedOver): DeliveryFields => ({
  deliveryStatus,
  ...(deliveryStatus === 'not-requested' ? {} : { delivered: deliveryStatus === 'delivered' }),
  ...(deliveryError === undefined ? {} : { deliveryError }),
  ...(suppressed === undefined ? {} : { deliverySuppressionReason: suppressed })
})

function stateAfter ({ state }: Job, { startedAtMs }: Underway, end: HandedOver): Job['state'] {
  const {
    runningAtMs: _running, lastError: _error, lastErrorReason: _reason, lastDelivered: _delivered, lastDeliveryError: _failed,
    deliverySuppressionReason: _suppressed, ...rest
  } = state
  const { delivered, deliveryStatus, deliveryError, deliverySuppressionReason } = deliveryFields(end)
  return {
    ...rest,
    lastRunAtMs: startedAtMs,
    lastRunStatus: end.status,
    lastDurationMs: Math.max(0, end.endedAtMs - startedAtMs),
    consecutiveErrors: end.status === 'ok' ? 0 : (state.consecutiveErrors ?? 0) + 1,
    ...(end.error === undefined ? {} : { lastError: end.error }),
    ...(end.errorReason === undefined ? {} : { lastErrorReason: end.errorReason }),
    lastDeliveryStatus: deliveryStatus,
    ...(delivered === undefined ? {} : { lastDelivered: delivered }),
    ...(deliveryError === undefined ? {} : { lastDeliveryError: deliveryError }),
    ...(deliverySuppressionReason === undefined ? {} : { deliverySuppressionReason })
  }
}

function onceMore (job: Job, slotMs: number, failures: number, nowMs: number): Job {
  return { ...job, pending: [slotMs], notBeforeMs: nowMs + backOffAfter(failures), retries: (job.retries ?? 0) + 1 }
}

const restOf = ({ payload }: Job): number => payload.kind === 'systemEvent' ? betweenTellingsMs : 0

/** Undefined: it has done what it was there for. What somebody started by hand moves no schedule. */
export function afterRun (job: Job, underway: Underway, end: HandedOver, nowMs: number): Job | undefined {
  const { underway: _underway, nextCheck: _nextCheck, ...rest } = job
  const next: Job = { ...rest, state: stateAfter(job, underway, end) }
  const { slotMs } = underway
  if (slotMs === undefined) return next
  const failures = next.state.consecutiveErrors ?? 0
  if (job.schedule.kind === 'at') {
    const mayRetry = end.status === 'error' && end.isPassing && (job.retries ?? 0) < maxRetries
    if (mayRetry) return onceMore(next, slotMs, failures, nowMs)
    return end.status === 'ok' && job.deleteAfterRun && completionOf(job, end) === 'succeeded' ? undefined : { ...next, enabled: false }
  }
  // What came while it was at work is left out, and so is what comes before it may fail again.
  const cursorMs = Math.max(job.cursorMs, nowMs, slotMs + restOf(job) - 1, end.status === 'error' ? nowMs + backOffAfter(failures) - 1 : 0)
  const pacedAtMs = end.status === 'ok' ? pacedAfter(job, underway, end.endedAtMs) : undefined
  if (end.status !== 'error' || failures < maxFailures) return { ...next, cursorMs, ...(pacedAtMs === undefined ? {} : { pacedAtMs }) }
  const autoDisabled = { reason: 'consecutive-failures' as const, atMs: nowMs, consecutiveErrors: failures }
  return { ...next, cursorMs, enabled: false, state: { ...next.state, autoDisabled } }
}
