/** Jobs as the gateway lists them, and as people read them. */
import { escapeControl } from '../lib/text.ts'
import { duration, facts, table } from './table.ts'

export interface CronJob {
  readonly id: string
  readonly name: string
  readonly displayName?: string
  readonly enabled: boolean
  readonly agentId?: string
  readonly schedule: {
    readonly kind: string
    readonly at?: string
    readonly everyMs?: number
    readonly expr?: string
    readonly tz?: string
  }
  readonly pacing?: { readonly min?: string, readonly max?: string }
  readonly sessionTarget: string
  readonly payload: { readonly kind: string, readonly text?: string, readonly message?: string, readonly argv?: readonly string[] }
  readonly state: {
    readonly nextRunAtMs?: number
    readonly runningAtMs?: number
    readonly lastRunAtMs?: number
    readonly lastRunStatus?: string
    readonly lastError?: string
    readonly consecutiveErrors?: number
    readonly autoDisabled?: { readonly reason: string }
  }
}

export interface CronRun {
  readonly ts: number
  readonly jobId: string
  readonly jobName?: string
  readonly status: string
  readonly completionStatus?: string
  readonly durationMs: number
  readonly error?: string
  readonly summary?: string
  readonly deliveryStatus?: string
  readonly deliveryError?: string
}

export const cronCourse = (doing: string) => ({ doing, administrative: true } as const)

const cell = (text: string, most = 60): string => escapeControl(text, most)
const moment = (atMs: number): string => new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')

export function scheduleText ({ kind, at, everyMs, expr, tz }: CronJob['schedule']): string {
  if (kind === 'at') return `at ${cell(at ?? '')}`
  if (kind === 'every') return `every ${duration(everyMs ?? 0)}`
  return `${cell(expr ?? '')}${tz ? ` (${cell(tz)})` : ''}`
}

const nextText = ({ enabled, state }: CronJob, nowMs: number): string => {
  if (state.runningAtMs !== undefined) return 'running'
  if (!enabled) return state.autoDisabled ? `off: ${state.autoDisabled.reason}` : 'off'
  if (state.nextRunAtMs === undefined) return '-'
  return state.nextRunAtMs <= nowMs ? 'now' : `in ${duration(state.nextRunAtMs - nowMs)}`
}

export function jobsText (jobs: readonly CronJob[], nowMs: number): string {
  if (jobs.length === 0) return 'There are no jobs. Add one: openclaw cron add --name <name> --every 1h --message "…"'
  return table(['Id', 'Name', 'Schedule', 'Next', 'Last', 'Session'], jobs.map(job => [
    job.id,
    cell(job.displayName ?? job.name),
    scheduleText(job.schedule),
    nextText(job, nowMs),
    job.state.lastRunStatus ?? '-',
    cell(job.sessionTarget)
  ]))
}

export const jobText = (job: CronJob, nowMs: number): string => facts([
  ['Id', job.id],
  ['Name', cell(job.displayName ?? job.name, 200)],
  ['Agent', job.agentId && cell(job.agentId)],
  ['Schedule', scheduleText(job.schedule)],
  ['Pacing', job.pacing && cell(`${job.pacing.min ?? 'any time'} to ${job.pacing.max ?? 'any time'}`)],
  ['Next', nextText(job, nowMs)],
  ['Session', cell(job.sessionTarget, 200)],
  ['Does', cell(job.payload.message ?? job.payload.text ?? job.payload.argv?.join(' ') ?? job.payload.kind, 400)],
  ['Last run', job.state.lastRunAtMs === undefined ? undefined : `${moment(job.state.lastRunAtMs)} UTC, ${job.state.lastRunStatus}`],
  ['Error', job.state.lastError && cell(job.state.lastError, 400)]
])

export function runsText (runs: readonly CronRun[]): string {
  if (runs.length === 0) return 'No job has run yet.'
  return table(['When (UTC)', 'Job', 'Status', 'Took', 'Delivery', 'What'], runs.map(run => [
    moment(run.ts),
    cell(run.jobName ?? run.jobId, 40),
    run.status,
    duration(run.durationMs),
    run.deliveryStatus ?? '-',
    cell(run.error ?? run.deliveryError ?? run.summary ?? '', 80)
  ]))
}
