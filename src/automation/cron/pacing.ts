/** Jobs that say themselves when they want to look again, within what was allowed to them. */
import { furthestMs, parseDuration } from '../../lib/duration.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { Job, JobDefinition, Pacing, Underway } from './job.ts'
import { shortestIntervalMs } from './schedule.ts'
import type { JobTable } from './table.ts'

const refuse = (message: string): GatewayError => new GatewayError('INVALID_PARAMS', { message })

function spanOf (text: string, where: string): number {
  const trimmed = text.trim().toLowerCase()
  if (!/^\d+(\.\d+)?\s*(s|m|h|d|w)$/.test(trimmed)) throw refuse(`${where}: "${text.slice(0, 60)}" is no duration; write one such as 30s, 15m, 4h or 1d`)
  return parseDuration(trimmed)
}

const boundsOf = ({ min, max }: Pacing): { readonly minMs: number, readonly maxMs: number } => ({
  minMs: min === undefined ? shortestIntervalMs : Math.max(spanOf(min, 'pacing.min'), shortestIntervalMs),
  maxMs: max === undefined ? Infinity : spanOf(max, 'pacing.max')
})

export function checkPacing ({ pacing, schedule, payload }: Pick<JobDefinition, 'pacing' | 'schedule' | 'payload'>): void {
  if (!pacing) return
  if (pacing.min === undefined && pacing.max === undefined) throw refuse('pacing needs min, max or both')
  const { minMs, maxMs } = boundsOf(pacing)
  if (minMs > maxMs) throw refuse('pacing.min is more than pacing.max')
  if (schedule.kind === 'at') throw refuse('pacing is for jobs that run again and again; schedule.kind "at" runs once')
  if (payload.kind !== 'agentTurn') throw refuse('pacing is for payloads of kind "agentTurn": an agent says when it wants to look again')
}

/** Of the job in whose run this conversation is. It counts when the run goes well, from its end. */
export async function proposeNext (table: JobTable, sessionKey: string, span: string): Promise<object> {
  const job = table.all().find(({ underway, payload }) => payload.kind === 'agentTurn' && underway?.sessionKey === sessionKey)
  if (!job?.underway) throw refuse('next_check is for the run of a job, and this is none')
  if (!job.pacing) throw refuse(`the job "${job.name}" keeps to its schedule; it takes pacing {min, max} for that`)
  const { minMs, maxMs } = boundsOf(job.pacing)
  const inMs = Math.min(Math.max(spanOf(span, 'in'), minMs), maxMs)
  await table.put({ ...job, nextCheck: { runId: job.underway.runId, inMs } })
  return { ok: true, jobId: job.id, inMs }
}

/** The moment that the run has asked for; undefined: the schedule says when. */
export function pacedAfter ({ nextCheck, pacing }: Job, { runId }: Underway, endedAtMs: number): number | undefined {
  if (!pacing || nextCheck?.runId !== runId) return undefined
  return Math.min(endedAtMs + nextCheck.inMs, furthestMs)
}
