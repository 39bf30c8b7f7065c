/**
 * When a job is due. Each moment that a schedule names is a slot: a job runs at most once for it. In a zone with clock changes a time of
 * day that does not exist is taken at the end of the gap, and one that comes twice is taken the first time; "every hour" and "every 15
 * minutes" go by real hours and minutes, and no clock change takes one away or doubles it.
 */
import { createHash } from 'node:crypto'
import { Cron } from 'croner'
import { furthestMs } from '../../lib/duration.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { Job, Schedule } from './job.ts'

const topOfHourStaggerMs = 5 * 60_000
/** Jobs at shorter intervals would do nothing else. */
export const shortestIntervalMs = 1_000
/** A clock that is set back farther than this was wrong before. */
const longestSetBackMs = 25 * 3_600_000

const refuse = (message: string): GatewayError => new GatewayError('INVALID_PARAMS', { message })

type CronSchedule = Extract<Schedule, { kind: 'cron' }>

const parsed = new WeakMap<CronSchedule, Cron>()

function expression (schedule: CronSchedule): Cron {
  const known = parsed.get(schedule)
  if (known) return known
  const { expr, tz } = schedule
  const made = new Cron(expr, { paused: true, mode: '5-or-6-parts', ...(tz === undefined ? {} : { timezone: tz }) })
  parsed.set(schedule, made)
  return made
}

export function isZone (tz: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: tz }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

/** Without a zone it is UTC. Undefined: it is no time. */
export function instantOf (at: string): number | undefined {
  const text = at.trim()
  if (!/^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}|$)/.test(text)) return undefined
  const hasZone = /(?:z|[+-]\d{2}:?\d{2})$/i.test(text.slice(10))
  const ms = Date.parse(text.length === 10 || hasZone ? text.replace(' ', 'T') : `${text.replace(' ', 'T')}Z`)
  return Number.isNaN(ms) ? undefined : ms
}

/** Throws what is wrong with it, and what would be right. */
export function checkSchedule (schedule: Schedule, nowMs: number): void {
  if (schedule.kind === 'at') {
    const atMs = instantOf(schedule.at)
    if (atMs === undefined) throw refuse(`schedule.at: "${schedule.at.slice(0, 60)}" is no time; write it as 2027-02-01T16:00:00Z, 2027-02-01T16:00:00+01:00 or 20m`)
    if (atMs > furthestMs) throw refuse('schedule.at is too far away')
  } else if (schedule.kind === 'every') {
    if (schedule.everyMs < shortestIntervalMs) throw refuse(`schedule.everyMs: a job runs every ${shortestIntervalMs} ms at most`)
  } else {
    const { expr, tz } = schedule
    if (tz !== undefined && !isZone(tz)) throw refuse(`schedule.tz: "${tz.slice(0, 60)}" is no time zone; write one such as Europe/Berlin`)
    let next: Date | null
    try {
      next = expression(schedule).nextRun(new Date(nowMs))
    } catch (error) {
      const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '').replace('five, six, or seven', 'five or six') : String(error)
      throw refuse(`schedule.expr: "${expr.slice(0, 100)}" is no cron expression: ${why.slice(0, 200)}`)
    }
    if (!next) throw refuse(`schedule.expr: "${expr.slice(0, 100)}" names no time that ever comes`)
  }
}

/** A time that has passed is a mistake when it is written down, and a slot that was missed later. */
export function refusePast (schedule: Schedule, nowMs: number): void {
  if (schedule.kind !== 'at') return
  const lateMs = nowMs - (instantOf(schedule.at) ?? nowMs)
  if (lateMs > 60_000) throw refuse(`schedule.at is ${Math.round(lateMs / 60_000)} minutes in the past; it is ${new Date(nowMs).toISOString()} now`)
}

/** Many jobs say "at the full hour", and not all of them mean the second. */
function defaultStaggerMs (expr: string): number {
  const fields = expr.trim().split(/\s+/)
  const [second, minute, hour] = fields.length === 6 ? fields : ['0', ...fields]
  return second === '0' && minute === '0' && hour?.includes('*') ? topOfHourStaggerMs : 0
}

/** The same for a job whenever it is asked. */
export function staggerOf ({ id, schedule }: Pick<Job, 'id' | 'schedule'>): number {
  if (schedule.kind !== 'cron') return 0
  const windowMs = schedule.staggerMs ?? defaultStaggerMs(schedule.expr)
  if (windowMs <= 0) return 0
  return createHash('sha256').update(id).digest().readUInt32BE(0) % windowMs
}

/** An anchor that somebody named is where it begins. The moment of its making is none: a clock that is put right may be before it. */
const leastTurn = ({ anchorMs }: { readonly anchorMs?: number }): number => anchorMs === undefined ? -Infinity : 0

const anchorOf = ({ schedule, createdAtMs }: Pick<Job, 'schedule' | 'createdAtMs'>): number =>
  schedule.kind === 'every' ? schedule.anchorMs ?? createdAtMs : createdAtMs

type Scheduled = Pick<Job, 'id' | 'schedule' | 'createdAtMs'>

/** The first slot after this moment. */
export function nextSlot (job: Scheduled, afterMs: number): number | undefined {
  const { schedule } = job
  if (schedule.kind === 'at') {
    const atMs = instantOf(schedule.at)
    return atMs !== undefined && atMs > afterMs ? atMs : undefined
  }
  if (schedule.kind === 'cron') return expression(schedule).nextRun(new Date(afterMs))?.getTime()
  const anchorMs = anchorOf(job)
  return anchorMs + Math.max(leastTurn(schedule), Math.floor((afterMs - anchorMs) / schedule.everyMs) + 1) * schedule.everyMs
}

/** The last slots up to and with this moment, oldest first. */
function lastSlots (job: Scheduled, untilMs: number, count: number): number[] {
  const { schedule } = job
  if (schedule.kind === 'at') return [instantOf(schedule.at)].filter(at => at !== undefined && at <= untilMs) as number[]
  if (schedule.kind === 'cron') {
    return expression(schedule).previousRuns(count, new Date(untilMs + 1000)).map(date => date.getTime())
      .filter(at => at <= untilMs).sort((a, b) => a - b)
  }
  const anchorMs = anchorOf(job)
  const last = Math.floor((untilMs - anchorMs) / schedule.everyMs)
  const turns = Array.from({ length: count }, (_, index) => last - count + 1 + index)
  return turns.filter(turn => turn >= leastTurn(schedule)).map(turn => anchorMs + turn * schedule.everyMs)
}

/** Slots were decided about that are far from now: the clock was wrong before. */
export const wasAhead = ({ cursorMs }: Pick<Job, 'cursorMs'>, nowMs: number): boolean => cursorMs - nowMs > longestSetBackMs

export interface CatchUp {
  /** Slots of a job that are made up for at most, the newest ones. */
  readonly runs: number
  /** What is later than this was missed. */
  readonly graceMs: number
}

/** Slots that are due and not decided about, oldest first, as many as are made up for. */
export function dueSlots (job: Scheduled & Pick<Job, 'cursorMs' | 'pacedAtMs'>, nowMs: number, { runs, graceMs }: CatchUp): number[] {
  if (job.pacedAtMs !== undefined) return job.pacedAtMs <= nowMs ? [job.pacedAtMs] : []
  const untilMs = nowMs - staggerOf(job)
  const slots = lastSlots(job, untilMs, Math.max(1, runs)).filter(at => at > job.cursorMs)
  // What is due once is due, however late.
  if (runs > 0 || job.schedule.kind === 'at') return slots
  return slots.filter(at => untilMs - at <= graceMs)
}

/** When the timer is to look at it again; undefined when there is nothing to come. */
export function nextRunAt (job: Scheduled & Pick<Job, 'cursorMs' | 'pacedAtMs'>): number | undefined {
  if (job.pacedAtMs !== undefined) return job.pacedAtMs
  const slot = nextSlot(job, job.cursorMs)
  return slot === undefined ? undefined : slot + staggerOf(job)
}
