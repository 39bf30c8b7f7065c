/** A run of a job from the moment in which it was decided on to its line in the history, also across processes. */
import type { Store, StoreOp } from '../../store/store.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../log/logger.ts'
import { isThere, mainKeyOf, type Places } from '../places.ts'
import type { AutomationSources } from '../ports.ts'
import type { SystemEvents } from '../system-events.ts'
import type { Carried, Carrying } from './carrying.ts'
import type { History, RunLogEntry } from './history.ts'
import type { HandedOver, Job, Underway } from './job.ts'
import { afterRun, entryOf } from './outcome.ts'
import type { JobTable } from './table.ts'
import { finishedBody, type Reported, type Reporting } from './reporting.ts'

export interface EndingOptions {
  readonly config: AutomationSources['config']
  readonly clock: Clock
  readonly store: Store
  readonly log: Logger
  readonly systemEvents: SystemEvents
  readonly places: Places
  readonly history: History
  readonly carrying: Carrying
  readonly reporting: Reporting
  /** The jobs as they are now: somebody may change or remove one while it runs. */
  readonly jobs: JobTable
  readonly tell: (action: 'finished' | 'removed', job: Job, fields?: object) => void
}

export interface Ending {
  /** Carries out what is under way, and settles it. */
  carry (id: string): Promise<void>
  /** The same for what an earlier process left. */
  adopt (id: string): Promise<void>
  close (): void
}

const retryMs = 5_000

class EndingRoom implements Ending {
  readonly #options: EndingOptions
  readonly #closing = Promise.withResolvers<void>()
  #isClosed = false

  constructor (options: EndingOptions) {
    this.#options = options
  }

  close (): void {
    this.#isClosed = true
    this.#closing.resolve()
  }

  async carry (id: string, isAdopted = false): Promise<void> {
    const { jobs, carrying } = this.#options
    const job = jobs.get(id)
    if (!job?.underway) return
    const { underway } = job
    const carried = await carrying.perform(job, underway, isAdopted)
    if (!carried || this.#gone(id, underway)) return
    await this.#certainly(async () => await this.#settle(id, underway, carried))
  }

  async adopt (id: string): Promise<void> {
    const { jobs, places } = this.#options
    const { underway } = jobs.get(id) ?? {}
    if (!underway?.handedOver) return await this.carry(id, true)
    const { handedOver } = underway
    const arrival = handedOver.messageId === undefined
      ? { status: 'unknown' as const, error: 'the gateway ended while it was being delivered' }
      : await places.arrival(handedOver.messageId)
    await this.#certainly(async () => await this.#finish(id, underway, arrived(handedOver, arrival)))
  }

  /** Somebody removed it, or it is another run by now. */
  #gone (id: string, { runId }: Underway): boolean {
    return this.#options.jobs.get(id)?.underway?.runId !== runId
  }

  /** What has happened is written down, however long the store takes. */
  async #certainly (work: () => Promise<void>): Promise<void> {
    while (!this.#isClosed) {
      try {
        return await work()
      } catch (err) {
        this.#options.log.warn({ err, retryMs }, 'the end of a cron run could not be written down; trying again')
        const { promise, resolve } = Promise.withResolvers<void>()
        const cancel = this.#options.clock.after(retryMs, resolve)
        await Promise.race([promise, this.#closing.promise])
        cancel()
      }
    }
  }

  async #settle (id: string, underway: Underway, { end, delivery, ops = [], committed }: Carried): Promise<void> {
    const { jobs, carrying, reporting } = this.#options
    const job = jobs.get(id)
    if (!job || this.#gone(id, underway)) return
    const over: HandedOver = { ...end, deliveryStatus: 'not-requested', ...delivery }
    // A run that broke off has nothing to say; who failed and says so does.
    if (delivery || (end.status === 'error' && end.text === '')) return await this.#finish(id, underway, over, ops, committed)
    const way = reporting.wayOf(job, carrying.homeOf(job))
    if (way.kind === 'none') return await this.#finish(id, underway, over, ops, committed)
    if (end.text.trim() === '') return await this.#finish(id, underway, { ...over, suppressed: 'silent' }, ops, committed)
    if (way.kind === 'announce' && isThere(way.wanted, underway.sessionKey)) {
      return await this.#finish(id, underway, { ...over, deliveryStatus: 'delivered' }, ops, committed)
    }
    if (way.kind === 'lost') return await this.#finish(id, underway, { ...over, deliveryStatus: 'not-delivered', deliveryError: way.problem })
    const arrival = way.kind === 'webhook'
      ? await this.#post(job, underway, over, way.url)
      : await this.#announce(job, underway, over, way.wanted)
    const { completionDestination } = job.delivery ?? {}
    if (completionDestination) await reporting.post(completionDestination.to, this.#bodyOf(job, underway, over), `${underway.runId}:completion`)
    await this.#finish(id, underway, arrived(over, arrival))
  }

  #bodyOf (job: Job, underway: Underway, over: HandedOver): object {
    return finishedBody(job, entryOf(job, underway, over, this.#options.carrying.agentOf(job)), over)
  }

  /** Written down before it is sent, so that a later process does not send it again. */
  async #handOver (job: Job, underway: Underway, over: HandedOver, ops: readonly StoreOp[] = []): Promise<void> {
    const { store, jobs } = this.#options
    const next: Job = { ...jobs.get(job.id) ?? job, underway: { ...underway, handedOver: { ...over, deliveryStatus: 'unknown' } } }
    await store.commit([{ op: 'put', collection: 'cron-jobs', key: job.id, value: next }, ...ops])
    jobs.set(next)
  }

  async #announce (job: Job, underway: Underway, over: HandedOver, wanted: Parameters<Places['address']>[0]): Promise<Reported> {
    const { places } = this.#options
    let prepared: Awaited<ReturnType<Places['prepare']>>
    try {
      prepared = await places.prepare(underway.runId, await places.address(wanted), over.text)
    } catch (error) {
      return { status: 'not-delivered', error: error instanceof Error ? error.message : String(error) }
    }
    await this.#handOver(job, underway, { ...over, messageId: underway.runId }, prepared.ops)
    prepared.committed()
    return await places.arrival(underway.runId)
  }

  async #post (job: Job, underway: Underway, over: HandedOver, url: string): Promise<Reported> {
    await this.#handOver(job, underway, over)
    return await this.#options.reporting.post(url, this.#bodyOf(job, underway, over), underway.runId)
  }

  async #finish (id: string, underway: Underway, over: HandedOver, ops: readonly StoreOp[] = [], committed?: () => void): Promise<void> {
    const { jobs, clock, history, carrying, store, tell } = this.#options
    const job = jobs.get(id)
    if (!job || this.#gone(id, underway)) return
    const after = afterRun(job, underway, over, clock.now())
    const next = after && jobs.timed(after)
    const nextRunAtMs = next?.state.nextRunAtMs
    const agent = carrying.agentOf(job)
    const entry: RunLogEntry = { ...entryOf(job, underway, over, agent), ...(nextRunAtMs === undefined ? {} : { nextRunAtMs }) }
    const logged = await history.prepare(entry)
    const change: StoreOp = next
      ? { op: 'put', collection: 'cron-jobs', key: id, value: next }
      : { op: 'delete', collection: 'cron-jobs', key: id }
    await store.commit([change, ...logged.ops, ...ops])
    logged.committed()
    committed?.()
    if (next) jobs.set(next)
    else jobs.drop(id)
    const { agentId: _agentId, action: _action, ...fields } = entry
    tell('finished', next ?? job, fields)
    if (!next) tell('removed', job)
    else await this.#complain(next, entry)
  }

  /** Failures are told to people; that a job is switched off is told to its agent, too. */
  async #complain (job: Job, entry: RunLogEntry): Promise<void> {
    if (entry.status !== 'error') return
    const { reporting, carrying, clock, jobs, systemEvents, config, log } = this.#options
    try {
      if (job.state.autoDisabled && entry.nextRunAtMs === undefined) {
        await systemEvents.add(mainKeyOf(config, carrying.agentOf(job)),
          `The job "${job.name}" (${job.id}) failed ${job.state.consecutiveErrors} times in a row and is switched off.`)
      }
      const told = await reporting.alert(job, entry, carrying.homeOf(job), clock.now())
      const current = jobs.get(job.id)
      if (!told || !current) return
      const next: Job = {
        ...current,
        state: {
          ...current.state,
          lastFailureAlertAtMs: clock.now(),
          lastFailureNotificationDelivered: told.status === 'delivered',
          lastFailureNotificationDeliveryStatus: told.status,
          ...(told.error === undefined ? {} : { lastFailureNotificationDeliveryError: told.error })
        }
      }
      await jobs.put(next)
    } catch (err) {
      log.warn({ err, jobId: job.id }, 'nobody could be told that a cron job failed')
    }
  }
}

function arrived (over: HandedOver, { status, error }: Reported): HandedOver {
  const { deliveryError: _error, ...rest } = over
  return { ...rest, deliveryStatus: status, ...(error === undefined ? {} : { deliveryError: error }) }
}

export const createEnding = (options: EndingOptions): Ending => new EndingRoom(options)
