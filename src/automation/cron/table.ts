/** The jobs of this gateway in memory, as the store has them, and when each of them is due. */
import { GatewayError } from '../../protocol/errors.ts'
import type { Store } from '../../store/store.ts'
import type { Job } from './job.ts'
import { nextRunAt } from './schedule.ts'

export interface JobTable {
  load (): Promise<void>
  all (): readonly Job[]
  get (id: string): Job | undefined
  /** Throws CRON_JOB_NOT_FOUND. */
  known (id: string): Job
  count (): number
  put (job: Job): Promise<Job>
  /** What was written by somebody else's commit. */
  set (job: Job): void
  delete (id: string): Promise<void>
  drop (id: string): void
  /** With the moment at which it is due, as clients read it. */
  timed (job: Job): Job
  /** Undefined: never. */
  dueAt (job: Job): number | undefined
}

export function createJobTable (store: Store): JobTable {
  const collection = store.collection<Job>('cron-jobs')
  const jobs = new Map<string, Job>()
  let loading: Promise<void> | undefined

  const dueAt: JobTable['dueAt'] = job => {
    if (!job.enabled) return undefined
    return job.pending && job.pending.length > 0 ? job.notBeforeMs ?? 0 : nextRunAt(job)
  }

  const timed: JobTable['timed'] = job => {
    const { nextRunAtMs: _next, ...state } = job.state
    const atMs = dueAt(job)
    return { ...job, state: atMs === undefined ? state : { ...state, nextRunAtMs: atMs } }
  }

  return {
    load () {
      loading ??= collection.all().then(all => { for (const { value } of all) jobs.set(value.id, value) })
      loading.catch(() => { loading = undefined })
      return loading
    },
    all: () => [...jobs.values()],
    get: id => jobs.get(id),
    known (id) {
      const job = jobs.get(id)
      if (job) return job
      throw new GatewayError('CRON_JOB_NOT_FOUND', { message: `there is no cron job "${id.slice(0, 100)}"`, details: { jobId: id } })
    },
    count: () => jobs.size,
    async put (job) {
      const next = timed(job)
      await collection.put(job.id, next)
      jobs.set(job.id, next)
      return next
    },
    set (job) { jobs.set(job.id, job) },
    async delete (id) {
      await collection.delete(id)
      jobs.delete(id)
    },
    drop (id) { jobs.delete(id) },
    timed,
    dueAt
  }
}
