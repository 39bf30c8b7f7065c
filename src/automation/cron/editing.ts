/** Jobs are made and changed: checked before anything of it is written. */
import { randomUUID } from 'node:crypto'
import { GatewayError } from '../../protocol/errors.ts'
import type { Carrying } from './carrying.ts'
import { changedDefinition, newDefinition } from './definition.ts'
import type { Job } from './job.ts'
import { createJobChecks, type Fields } from './params.ts'
import type { Author } from './room.ts'
import { checkSchedule, refusePast } from './schedule.ts'
import type { JobTable } from './table.ts'
import { revisionOf } from './views.ts'

export interface Edited {
  readonly job: Job
  readonly how: 'added' | 'updated' | 'same'
  /** It names itself, and is made or changed by one and the same call. */
  readonly isDeclared: boolean
}

export interface Editing {
  add (fields: Fields, author: Author): Promise<Edited>
  update (id: string, patch: Fields, expectedRevision: string | undefined, author: Author): Promise<Edited>
}

const maxJobs = 1_000

export function createEditing ({ table, carrying, now }: { table: JobTable, carrying: Carrying, now: () => number }): Editing {
  const checks = createJobChecks()

  function declared (declarationKey: string, agentId: string | undefined): Job | undefined {
    const agent = carrying.agentOf(agentId === undefined ? {} : { agentId })
    return table.all().find(job => job.declarationKey === declarationKey && carrying.agentOf(job) === agent)
  }

  /** Nobody else has commands run here, or changes those of the owner. */
  function refuseStrangers ({ payload }: Pick<Job, 'payload'>, { isOwner }: Author): void {
    if (payload.kind === 'command' && !isOwner) {
      throw new GatewayError('FORBIDDEN', { message: 'jobs that are commands are made and changed by the owner of the gateway' })
    }
  }

  function changed (before: Job, patch: Fields, author: Author): Job {
    const nowMs = now()
    const job = changedDefinition(before, patch, nowMs)
    refuseStrangers(job, author)
    const isRescheduled = JSON.stringify(job.schedule) !== JSON.stringify(before.schedule)
    if (isRescheduled) {
      checkSchedule(job.schedule, nowMs)
      refusePast(job.schedule, nowMs)
    }
    // Throws for agents and keys that do not exist.
    carrying.sessionKeyOf(job, 'try')
    // Whoever rewrites what it does is answerable for it from then on.
    const isOwners = patch.payload === undefined ? before.isOwners : author.isOwner
    const isPacedAnew = JSON.stringify(job.pacing) !== JSON.stringify(before.pacing)
    const { pacedAtMs, ...unpaced } = { ...job, updatedAtMs: nowMs, isOwners }
    const plain = isRescheduled || isPacedAnew || pacedAtMs === undefined ? unpaced : { ...unpaced, pacedAtMs }
    if (!isRescheduled && !(job.enabled && !before.enabled)) return plain
    const { pending: _pending, notBeforeMs: _notBefore, retries: _retries, ...rest } = plain
    const { autoDisabled: _disabled, ...state } = job.state
    return {
      ...rest,
      cursorMs: job.schedule.kind === 'at' ? 0 : nowMs,
      state: { ...state, scheduleActivatedAtMs: nowMs, consecutiveErrors: 0, consecutiveSkipped: 0 }
    }
  }

  async function change (before: Job, patch: Fields, author: Author, isDeclared: boolean): Promise<Edited> {
    const job = changed(before, checks.patch(patch), author)
    if (isDeclared && revisionOf(job) === revisionOf(before)) return { job: before, how: 'same', isDeclared }
    return { job: await table.put(job), how: 'updated', isDeclared }
  }

  return {
    async add (fields, author) {
      const nowMs = now()
      const definition = newDefinition(checks.add(fields), nowMs)
      const { declarationKey, agentId, schedule, sessionTarget, sessionKey } = definition
      const known = declarationKey === undefined ? undefined : declared(declarationKey, agentId)
      if (known) {
        const { declarationKey: _key, owner: _owner, ...patch } = fields
        return await change(known, patch, author, true)
      }
      if (table.count() >= maxJobs) {
        throw new GatewayError('BUSY', { message: `there are ${maxJobs} jobs already; remove some: openclaw cron list --all`, retryAfterMs: 60_000 })
      }
      refuseStrangers(definition, author)
      checkSchedule(schedule, nowMs)
      refusePast(schedule, nowMs)
      const job: Job = {
        ...definition,
        ...(sessionTarget === 'current' && sessionKey === undefined ? { sessionTarget: 'isolated' } : {}),
        id: randomUUID(),
        createdAtMs: nowMs,
        updatedAtMs: nowMs,
        isOwners: author.isOwner,
        // A time that has only just passed is meant, and so is one that is now.
        cursorMs: schedule.kind === 'at' ? 0 : nowMs,
        state: { scheduleActivatedAtMs: nowMs }
      }
      carrying.sessionKeyOf(job, 'try')
      return { job: await table.put(job), how: 'added', isDeclared: declarationKey !== undefined }
    },
    async update (id, patch, expectedRevision, author) {
      const before = table.known(id)
      if (expectedRevision !== undefined && expectedRevision !== revisionOf(before)) {
        throw new GatewayError('CRON_JOB_CHANGED', { details: { jobId: id } })
      }
      return await change(before, patch, author, false)
    }
  }
}
