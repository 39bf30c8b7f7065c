/** Jobs and their runs as clients read them. */
import { createHash } from 'node:crypto'
import { defaultAgentId } from '../../config/agent-entries.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { Places } from '../places.ts'
import type { RunLogEntry } from './history.ts'
import type { Job } from './job.ts'
import type { Fields } from './params.ts'

export interface Page {
  readonly total: number
  readonly offset: number
  readonly limit: number
  readonly hasMore: boolean
  readonly nextOffset: number | null
}

const digestOf = (value: unknown): string => `sha256:${createHash('sha256').update(JSON.stringify(value)).digest('hex')}`

/** Nothing of how the scheduler keeps it. */
function publicJob (stored: Job): object {
  const {
    cursorMs: _cursor, pending: _pending, notBeforeMs: _notBefore, retries: _retries, underway: _underway, nextCheck: _next,
    pacedAtMs: _paced, isOwners, ...job
  } = stored
  return { ...job, ...(isOwners ? { scheduledToolPolicy: { version: 1, mode: 'trusted' } } : {}) }
}

/** What somebody said about it; runs change nothing of it. */
export function revisionOf (job: Job): string {
  const { state: _state, updatedAtMs: _updated, ...rest } = publicJob(job) as Job
  return digestOf(rest)
}

const defined = (fields: Fields): object => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

export function jobView (job: Job): object {
  const { state } = job
  return {
    ...publicJob(job),
    configRevision: revisionOf(job),
    ...defined({
      nextRunAtMs: state.nextRunAtMs,
      lastRunAtMs: state.lastRunAtMs,
      lastRunStatus: state.lastRunStatus,
      lastRunError: state.lastError,
      lastDelivered: state.lastDelivered,
      lastDeliveryStatus: state.lastDeliveryStatus,
      lastDeliveryError: state.lastDeliveryError,
      deliverySuppressionReason: state.deliverySuppressionReason,
      lastFailureNotificationDelivered: state.lastFailureNotificationDelivered,
      lastFailureNotificationDeliveryStatus: state.lastFailureNotificationDeliveryStatus,
      lastFailureNotificationDeliveryError: state.lastFailureNotificationDeliveryError
    })
  }
}

const compactView = (job: Job): object => defined({
  id: job.id,
  name: job.name,
  declarationKey: job.declarationKey,
  displayName: job.displayName,
  owner: job.owner,
  agentId: job.agentId,
  enabled: job.enabled,
  nextRunAtMs: job.state.nextRunAtMs ?? null,
  scheduleKind: job.schedule.kind,
  schedule: job.schedule,
  lastRunAtMs: job.state.lastRunAtMs ?? null,
  lastRunStatus: job.state.lastRunStatus ?? null
})

/** Where a reply would go, in words. */
export function previewOf ({ delivery, sessionTarget, payload }: Job, sessionKey: string, places: Places): object {
  if (payload.kind === 'systemEvent' && !delivery) return { label: 'main session', detail: 'Goes where the main session was heard of last.' }
  if (delivery?.mode === 'none') return { label: 'none', detail: 'The reply stays in the session of the run.' }
  if (delivery?.mode === 'webhook') return { label: 'webhook', detail: `POST ${delivery.to ?? ''}` }
  const found = places.wantedOf(delivery ? { channel: 'last', ...delivery } : {}, sessionKey)
  if ('problem' in found) return { label: delivery ? 'nowhere yet' : 'none', detail: found.problem }
  const { channel, to, accountId } = found.wanted
  return { label: `${channel}:${to}`, detail: `announce to ${to} on ${channel}${accountId ? ` (account ${accountId})` : ''} from ${sessionTarget}` }
}

function paged<Row> (rows: readonly Row[], { limit, offset }: Fields, most: number): { rows: readonly Row[], page: Page } {
  const from = typeof offset === 'number' && offset > 0 ? Math.floor(offset) : 0
  const size = typeof limit === 'number' ? Math.min(Math.max(1, Math.floor(limit)), most) : most
  const next = from + size
  const hasMore = next < rows.length
  const page = { total: rows.length, offset: from, limit: size, hasMore, nextOffset: hasMore ? next : null }
  return { rows: rows.slice(from, next), page }
}

const agentOf = (job: Pick<Job, 'agentId'>, config: LoadedConfig['config']): string => (job.agentId ?? defaultAgentId(config)).toLowerCase()
const says = (query: unknown, ...texts: Array<string | undefined>): boolean =>
  typeof query !== 'string' || query.trim() === '' || texts.some(text => text?.toLowerCase().includes(query.trim().toLowerCase()))

const isAsked = (wanted: unknown, actual: string): boolean => wanted === undefined || wanted === 'all' || wanted === actual

function matches (job: Job, asked: Fields, config: LoadedConfig['config']): boolean {
  const { enabled, includeDisabled, scheduleKind, lastRunStatus, trigger, agentId, query } = asked
  const wantsDisabled = enabled === 'all' || enabled === 'disabled' || (enabled === undefined && includeDisabled === true)
  if (!job.enabled && !wantsDisabled) return false
  if (job.enabled && enabled === 'disabled') return false
  if (trigger === 'conditional' || !isAsked(scheduleKind, job.schedule.kind)) return false
  if (!isAsked(lastRunStatus, job.state.lastRunStatus ?? 'unknown')) return false
  if (typeof agentId === 'string' && agentId.toLowerCase() !== agentOf(job, config)) return false
  return says(query, job.name, job.displayName, job.description, job.id)
}

/** What never comes comes last. */
const dueAt = ({ state: { nextRunAtMs } }: Job): number => nextRunAtMs ?? Number.MAX_SAFE_INTEGER

const order: { readonly [by: string]: (a: Job, b: Job) => number } = {
  nextRunAtMs: (a, b) => dueAt(a) - dueAt(b),
  updatedAtMs: (a, b) => a.updatedAtMs - b.updatedAtMs,
  name: (a, b) => a.name.localeCompare(b.name)
}

export function listView (
  jobs: readonly Job[], asked: Fields, config: LoadedConfig['config'], preview: (job: Job) => object
): object {
  const found = jobs.filter(job => matches(job, asked, config))
    .sort((a, b) => order[String(asked.sortBy ?? 'nextRunAtMs')]!(a, b) || a.id.localeCompare(b.id))
  if (asked.sortDir === 'desc') found.reverse()
  const { rows, page } = paged(found, asked, 200)
  const snapshotRevision = digestOf(jobs.map(job => [job.id, job.updatedAtMs, job.state]))
  if (asked.compact === true) return { jobs: rows.map(compactView), ...page, snapshotRevision }
  const previews = asked.includeDeliveryPreviews === false
    ? {}
    : { deliveryPreviews: Object.fromEntries(rows.map(job => [job.id, preview(job)])) }
  return { jobs: rows.map(jobView), ...page, snapshotRevision, ...previews }
}

const amongThese = (one: unknown, several: unknown, actual: string | undefined): boolean => {
  const wanted = Array.isArray(several) ? several as unknown[] : one === undefined || one === 'all' ? undefined : [one]
  return wanted === undefined || wanted.includes(actual)
}

export function runsView (entries: readonly RunLogEntry[], asked: Fields, jobId: string | undefined): object {
  const { agentId, runId, status, statuses, deliveryStatus, deliveryStatuses, query } = asked
  const found = entries
    .filter(entry => jobId === undefined || entry.jobId === jobId)
    .filter(entry => runId === undefined || entry.runId === runId)
    .filter(entry => typeof agentId !== 'string' || entry.agentId === agentId.toLowerCase())
    .filter(entry => amongThese(status, statuses, entry.status) && amongThese(deliveryStatus, deliveryStatuses, entry.deliveryStatus))
    .filter(entry => says(query, entry.summary, entry.error, entry.jobName, entry.jobId))
    .sort((a, b) => b.ts - a.ts || b.runId.localeCompare(a.runId))
  if (asked.sortDir === 'asc') found.reverse()
  const { rows, page } = paged(found, { limit: 50, ...asked }, 200)
  return { entries: rows.map(({ agentId: _agentId, ...entry }) => entry), ...page }
}
