/** Jobs that are due at times of their own: each slot once, however the gateway ends and begins. */
import { GatewayError, isGatewayError } from '../../protocol/errors.ts'
import type { Heartbeats } from '../heartbeat/heartbeats.ts'
import type { Places } from '../places.ts'
import type { AutomationSources } from '../ports.ts'
import type { SystemEvents } from '../system-events.ts'
import { createCarrying, type Carrying } from './carrying.ts'
import { createEditing, type Edited, type Editing } from './editing.ts'
import { createEnding, type Ending } from './ending.ts'
import { createHistory, type History } from './history.ts'
import type { Job, Underway } from './job.ts'
import { proposeNext } from './pacing.ts'
import type { Fields } from './params.ts'
import { createReporting } from './reporting.ts'
import type { Author, Cron } from './room.ts'
import { dueSlots, staggerOf, wasAhead } from './schedule.ts'
import { createJobTable, type JobTable } from './table.ts'
import { jobView, listView, previewOf, runsView } from './views.ts'

export type CronOptions = AutomationSources & {
  readonly systemEvents: SystemEvents
  readonly places: Places
  readonly heartbeats: () => Promise<Pick<Heartbeats, 'wake'>>
}

/** A machine that slept, or whose clock was set, is noticed within this. */
const longestWaitMs = 60_000
const afterFailureMs = 5_000
const longestFarewellMs = 2_000
/** What is later than this was missed. */
const graceMs = 60_000

class CronRoom implements Cron {
  readonly #options: CronOptions
  readonly #jobs: JobTable
  /** Jobs that somebody in this process looks after. */
  readonly #busy = new Set<string>()
  readonly #history: History
  readonly #carrying: Carrying
  readonly #editing: Editing
  readonly #ending: Ending
  readonly #work = new Set<Promise<void>>()
  #cancel: (() => void) | undefined
  #count = 0
  #isBegun = false
  #isClosed = false

  constructor (options: CronOptions) {
    this.#options = options
    const now = (): number => options.clock.now()
    this.#jobs = createJobTable(options.store)
    this.#history = createHistory(options.store)
    this.#carrying = createCarrying(options)
    this.#editing = createEditing({ table: this.#jobs, carrying: this.#carrying, now })
    this.#ending = createEnding({
      ...options,
      history: this.#history,
      carrying: this.#carrying,
      reporting: createReporting(options),
      jobs: this.#jobs,
      tell: (action, job, fields) => this.#tell(action, job, fields)
    })
  }

  async begin (): Promise<void> {
    await this.#jobs.load()
    this.#isBegun = true
    // Somebody may have begun one by hand before: what this process looks after was not left by an earlier one.
    const left = this.#jobs.all().filter(({ id, underway }) => underway && !this.#busy.has(id))
    for (const { id } of left) this.#lookAfter(id, async () => await this.#ending.adopt(id))
    this.wakeUp()
  }

  wakeUp (): void {
    this.#cancel?.()
    this.#cancel = undefined
    if (!this.#isBegun || this.#isClosed || !this.#isEnabled()) return
    const { clock } = this.#options
    const nowMs = clock.now()
    this.#followClock(nowMs)
    for (const job of this.#due(nowMs)) {
      if (this.#busy.size >= this.#options.config().config.cron.maxConcurrentRuns) return
      this.#lookAfter(job.id, async () => await this.#runDue(job.id, nowMs))
    }
    const nextMs = this.#nextMs()
    if (nextMs !== undefined) this.#cancel = clock.after(Math.min(Math.max(nextMs - nowMs, 0), longestWaitMs), () => this.wakeUp())
  }

  async list (asked: Fields): Promise<object> {
    await this.#jobs.load()
    const { config, places, sessions } = this.#options
    await sessions.ready
    return listView(this.#jobs.all(), asked, config().config, job => previewOf(job, this.#carrying.homeOf(job), places))
  }

  async status (): Promise<object> {
    await this.#jobs.load()
    const { store } = this.#options
    const isEnabled = this.#isEnabled()
    return {
      enabled: isEnabled,
      triggersEnabled: false,
      storage: store.status().kind,
      jobs: this.#jobs.count(),
      running: this.#busy.size,
      nextWakeAtMs: isEnabled ? this.#nextMs() ?? null : null
    }
  }

  async get (id: string): Promise<object> {
    await this.#jobs.load()
    return jobView(this.#jobs.known(id))
  }

  async add (fields: Fields, author: Author): Promise<object> {
    await this.#jobs.load()
    await this.#options.sessions.ready
    const edited = await this.#editing.add(fields, author)
    const { job, how } = edited
    this.#edited(edited)
    const deliveryPreview = this.#preview(job)
    if (!edited.isDeclared) return { ...jobView(job), deliveryPreview }
    return { created: how === 'added', ...(how === 'added' ? {} : { updated: how === 'updated' }), job: jobView(job), deliveryPreview }
  }

  async update (id: string, { patch, expectedConfigRevision }: Parameters<Cron['update']>[1], author: Author): Promise<object> {
    await this.#jobs.load()
    await this.#options.sessions.ready
    const edited = await this.#editing.update(id, patch, expectedConfigRevision, author)
    this.#edited(edited)
    return jobView(edited.job)
  }

  #edited ({ how, job }: Edited): void {
    if (how === 'same') return
    this.#tell(how, job)
    this.wakeUp()
  }

  async remove (id: string): Promise<object> {
    await this.#jobs.load()
    const job = this.#jobs.get(id)
    if (!job) return { ok: true, removed: false }
    await this.#jobs.delete(id)
    if (job.underway) await this.#carrying.abandon(job.underway)
    this.#tell('removed', job)
    this.wakeUp()
    return { ok: true, removed: true }
  }

  async run (id: string, mode: 'due' | 'force' | 'if-enabled'): Promise<object> {
    await this.#jobs.load()
    const job = this.#jobs.known(id)
    const { clock, processId } = this.#options
    const nowMs = clock.now()
    const refused = (reason: string): object => ({ ok: true, ran: false, reason, processInstanceId: processId })
    if (this.#isClosed) return refused('stopped')
    if (this.#busy.has(id) || job.underway) return refused('already-running')
    if (mode === 'if-enabled' && !job.enabled) return refused('disabled')
    if (mode === 'due' && !this.#due(nowMs).includes(job)) return refused('not-due')
    const begun = Promise.withResolvers<string>()
    this.#lookAfter(id, async () => {
      try {
        if (mode === 'due') await this.#runDue(id, nowMs, begun.resolve)
        else await this.#launch(job, undefined, `manual:${id}:${nowMs}:${++this.#count}`, begun.resolve)
      } catch (error) {
        begun.reject(error as Error)
        throw error
      }
      begun.reject(new GatewayError('CRON_JOB_NOT_FOUND', { details: { jobId: id } }))
    })
    return { ok: true, enqueued: true, runId: await begun.promise, processInstanceId: processId }
  }

  async runs (asked: Fields): Promise<object> {
    await this.#jobs.load()
    const given = asked.id ?? asked.jobId
    const entries = await this.#history.all()
    const id = asked.scope === 'all' || typeof given !== 'string' ? undefined : given
    // Of a job that is gone there may be runs.
    if (id !== undefined && !entries.some(({ jobId }) => jobId === id)) this.#jobs.known(id)
    return runsView(entries, asked, id)
  }

  async jobOfSession (sessionKey: string): Promise<string | undefined> {
    const id = /^agent:[^:]+:cron:([^:]+):run:/.exec(sessionKey)?.[1]
    if (id !== undefined) return id
    await this.#jobs.load()
    return this.#jobs.all().find(({ underway, sessionTarget }) => sessionTarget !== 'main' && underway?.sessionKey === sessionKey)?.id
  }

  async nextCheck (sessionKey: string, span: string): Promise<object> {
    await this.#jobs.load()
    return await proposeNext(this.#jobs, sessionKey, span)
  }

  async close (): Promise<void> {
    this.#isClosed = true
    this.#cancel?.()
    this.#ending.close()
    // What is still on its way then is taken up by the next process.
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const cancel = this.#options.clock.after(longestFarewellMs, resolve)
    await Promise.race([Promise.all(this.#work), late])
    cancel()
  }

  #isEnabled (): boolean {
    return this.#options.config().config.cron.enabled && this.#options.env['OPENCLAW_SKIP_CRON'] !== '1'
  }

  #preview (job: Job): object {
    return previewOf(job, this.#carrying.homeOf(job), this.#options.places)
  }

  /** A clock that ran far ahead and was put right silences no job until it has come so far again. */
  #followClock (nowMs: number): void {
    for (const job of this.#jobs.all()) {
      const { pacedAtMs: _paced, ...unpaced } = job
      if (wasAhead(job, nowMs)) this.#jobs.set(this.#jobs.timed({ ...unpaced, cursorMs: nowMs }))
    }
  }

  #due (nowMs: number): Job[] {
    return this.#jobs.all()
      .filter(job => !job.underway && !this.#busy.has(job.id))
      .map(job => ({ job, atMs: this.#jobs.dueAt(job) }))
      .filter((one): one is { job: Job, atMs: number } => one.atMs !== undefined && one.atMs <= nowMs)
      .sort((a, b) => a.atMs - b.atMs)
      .map(({ job }) => job)
  }

  #nextMs (): number | undefined {
    const idle = this.#jobs.all().filter(job => !job.underway && !this.#busy.has(job.id))
    const times = idle.map(job => this.#jobs.dueAt(job)).filter(at => at !== undefined)
    return times.length === 0 ? undefined : times.reduce((least, at) => Math.min(least, at))
  }

  /** One at a time for each job; what goes wrong is tried again after a while. */
  #lookAfter (id: string, work: () => Promise<void>): void {
    this.#busy.add(id)
    const done = work().catch(async (err: unknown) => {
      this.#options.log.warn({ err, jobId: id }, 'a cron job could not be looked after')
      if (this.#isClosed) return
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#options.clock.after(afterFailureMs, resolve)
      await promise
    }).then(() => {
      this.#busy.delete(id)
      this.#work.delete(done)
      if (!this.#isClosed) this.wakeUp()
    })
    this.#work.add(done)
  }

  async #runDue (id: string, nowMs: number, begun?: (runId: string) => void): Promise<void> {
    const job = this.#jobs.get(id)
    if (!job) return
    const [first, ...rest] = job.pending ?? []
    const { pending: _pending, notBeforeMs: _notBefore, pacedAtMs: _paced, ...plain } = job
    const named = (slotMs: number): string => `cron:${id}:${slotMs}${job.retries ? `:${job.retries}` : ''}`
    if (first !== undefined) {
      return await this.#launch({ ...plain, ...(rest.length > 0 ? { pending: rest } : {}) }, first, named(first), begun)
    }
    const { skipMissedJobs, catchUpRuns } = this.#options.config().config.cron
    const [slot, ...more] = dueSlots(job, nowMs, { runs: skipMissedJobs ? 0 : catchUpRuns, graceMs })
    if (slot === undefined) {
      await this.#jobs.put({ ...plain, cursorMs: nowMs - staggerOf(job) })
      return
    }
    await this.#launch({ ...plain, cursorMs: more.at(-1) ?? slot, ...(more.length > 0 ? { pending: more } : {}) }, slot, named(slot), begun)
  }

  /** Decided on, written down, begun: in this order. */
  async #launch (job: Job, slotMs: number | undefined, runId: string, begun?: (runId: string) => void): Promise<void> {
    const startedAtMs = this.#options.clock.now()
    const sessionKey = this.#sessionKeyOf(job, runId)
    const underway: Underway = { runId, sessionKey, startedAtMs, ...(slotMs === undefined ? {} : { slotMs }) }
    const stored = await this.#jobs.put({ ...job, underway, state: { ...job.state, runningAtMs: startedAtMs } })
    begun?.(runId)
    this.#tell('started', stored, { runAtMs: startedAtMs, runId })
    await this.#ending.carry(job.id)
  }

  /** An agent that is gone is no reason not to say so in the history. */
  #sessionKeyOf (job: Job, runId: string): string {
    try {
      return this.#carrying.sessionKeyOf(job, runId.split(':').slice(2).join('-'))
    } catch (error) {
      if (isGatewayError(error)) return `agent:${this.#carrying.agentOf(job)}:cron:${job.id}`
      throw error
    }
  }

  #tell (action: 'added' | 'updated' | 'removed' | 'started' | 'finished', job: Job, fields: object = {}): void {
    this.#options.emit('cron', { jobId: job.id, action, job: jobView(job), ...fields })
  }
}

export const createCron = (options: CronOptions): Cron => new CronRoom(options)
