import { Worker } from 'node:worker_threads'
import { GatewayError } from '../../protocol/errors.ts'
import { copyDatabase } from './copy-database.ts'
import { isRuleBroken, refusalOf, storeUnavailable } from './failures.ts'
import { bytesOf, createJournal } from './journal.ts'
import { databaseFiles } from './thread-files.ts'
import { writerThread } from './writer-thread.ts'
import type { FromWriter, Settled, Step, ToWriter, WriteFailure, WriteJob, WriterConfig } from './writer-messages.ts'

export interface WriterOptions {
  /** Asked whenever a thread starts. Throws when there is nothing to write to. */
  config: () => WriterConfig
  /** Puts the damaged file aside and something sound in its place. Throws when it cannot. */
  recover: (reason: string, journalComplete: boolean) => void
  /** Called before the thread goes: whoever closes the database last folds its log into it, and only the writer can. */
  ending: () => void
  /** Told after every attempt whether the disk took it. */
  settled: (refusal: GatewayError | undefined) => void
  idleMs: number
  maxQueuedJobs: number
  maxQueuedBytes: number
  maxJournalBytes: number
}

export interface Writer {
  /** Commits the steps together; resolves with the number of changed rows. */
  run (steps: Step[]): Promise<number>
  /** Stops the thread, recovers, and brings back what the last-good copy lacks. */
  recover (reason: string): Promise<void>
  /** Settles when no repair is under way: before that a read would miss what is still being brought back. */
  readonly repaired: Promise<unknown>
  readonly queued: number
  close (): Promise<void>
}

interface Pending {
  steps: Step[]
  bytes: number
  promise: Promise<number>
  resolve: (changes: number) => void
  reject: (error: Error) => void
}

/** Recoveries in a row, without a commit in between, after which the disk is not believed any more. */
const maxRecoveries = 2

const spawn = (config: WriterConfig): Worker => new Worker(`(${writerThread})(${databaseFiles}, ${copyDatabase})`, {
  eval: true,
  name: 'store',
  workerData: config,
  execArgv: ['--disable-warning=ExperimentalWarning'],
  resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 4, stackSizeMb: 1 },
  // Streams that nobody writes to; left to the default they are piped from the start.
  stdout: true,
  stderr: true,
  trackUnmanagedFds: false
})

export function createWriter (options: WriterOptions): Writer {
  const pending = new Map<number, Pending>()
  const journal = createJournal(options.maxJournalBytes)
  let queuedBytes = 0
  let nextJob = 1
  let thread: Worker | undefined
  let exited = Promise.resolve()
  /** The thread was told to go, or was stopped: what comes in now waits for the next one. */
  let ending = false
  let stopping = false
  let recoveries = 0
  let repaired: Promise<unknown> = exited
  let replayed: Promise<unknown> = exited
  let idleTimer: NodeJS.Timeout | undefined
  /** What one turn of the event loop brings goes over in one message. */
  let outbox: WriteJob[] = []
  let outboxTimer: NodeJS.Immediate | undefined

  const send = (message: ToWriter): void => thread!.postMessage(message)

  /** Whoever waits when the thread has gone or is going is sent to the next one. */
  function flush (): void {
    clearImmediate(outboxTimer)
    outboxTimer = undefined
    const jobs = outbox
    outbox = []
    if (thread && !ending && jobs.length > 0) send({ jobs })
  }

  function enqueue (steps: Step[]): Pending {
    const waiting = { steps, bytes: bytesOf(steps), ...Promise.withResolvers<number>() }
    queuedBytes += waiting.bytes
    pending.set(nextJob++, waiting)
    return waiting
  }

  function settle (job: number): Pending | undefined {
    const found = pending.get(job)
    if (!found) return undefined
    pending.delete(job)
    queuedBytes -= found.bytes
    return found
  }

  function rejectAll (cause: unknown): void {
    const refusal = cause instanceof GatewayError ? cause : storeUnavailable(cause)
    options.settled(refusal)
    for (const job of [...pending.keys()]) settle(job)?.reject(refusal)
  }

  function refused (job: number, failure: WriteFailure): void {
    const cause = Object.assign(new Error(failure.message), { errcode: failure.errcode })
    if (isRuleBroken(cause)) return settle(job)?.reject(refusalOf(cause))
    const refusal = storeUnavailable(cause)
    options.settled(refusal)
    settle(job)?.reject(refusal)
  }

  function committed (job: number, changes: number): void {
    const found = settle(job)
    if (!found) return
    journal.add(job, found.steps)
    found.resolve(changes)
  }

  /** Nothing to do: the thread no longer holds the process, and after a while it goes. */
  function rest (): void {
    thread?.unref()
    clearTimeout(idleTimer)
    idleTimer = setTimeout(endThread, options.idleMs)
    idleTimer.unref()
  }

  function endThread (): void {
    if (!thread || ending) return
    flush()
    ending = true
    options.ending()
    send({ end: true })
  }

  function begin (): void {
    clearTimeout(idleTimer)
    const worker = spawn(options.config())
    let broken: string | undefined
    let crash: unknown
    thread = worker
    ending = false
    worker.on('message', (message: FromWriter) => {
      if ('broken' in message) {
        broken = message.broken
        worker.ref()
        repaired = exited.then(() => replayed)
      } else if ('snapshotUpTo' in message) {
        journal.forgetUpTo(message.snapshotUpTo)
      } else {
        answered(message)
      }
    })
    worker.on('error', error => { crash = error })
    exited = new Promise(resolve => worker.once('exit', () => {
      thread = undefined
      resolve()
      if (!stopping) ended(broken, crash)
    }))
    outbox = [...pending].map(([job, { steps }]) => ({ job, steps }))
    flush()
  }

  function answered (settled: Settled): void {
    if (settled.committed.length > 0) {
      recoveries = 0
      options.settled(undefined)
    }
    for (let index = 0; index < settled.committed.length; index += 2) committed(settled.committed[index]!, settled.committed[index + 1]!)
    for (const { job, failure } of settled.failed) refused(job, failure)
    if (pending.size === 0) rest()
  }

  /** What a thread left undone is begun anew, or refused when it went for no reason of ours. */
  function ended (broken: string | undefined, crash: unknown): void {
    if (broken !== undefined) return restart(() => repair(broken))
    if (pending.size === 0) return
    if (!ending) return rejectAll(crash ?? new Error('the writer ended unexpectedly'))
    restart()
  }

  function restart (prepare?: () => void): void {
    try {
      prepare?.()
      if (pending.size > 0) begin()
    } catch (error) {
      rejectAll(error)
    }
  }

  /** What was committed after the last-good copy goes in front of what still waits. */
  function repair (reason: string): void {
    if (++recoveries > maxRecoveries) throw new Error(`the database cannot be kept sound: ${reason}`)
    options.recover(reason, journal.complete)
    const waiting = [...pending.values()]
    pending.clear()
    replayed = Promise.allSettled(journal.commits.map(({ steps }) => enqueue(steps).promise))
    for (const job of waiting) pending.set(nextJob++, job)
    journal.forgetUpTo(Infinity)
  }

  const allSettled = (): Promise<unknown> => Promise.allSettled([...pending.values()].map(({ promise }) => promise))
  const atWork = (): boolean => thread !== undefined || pending.size > 0

  return {
    run (steps) {
      if (pending.size >= options.maxQueuedJobs || queuedBytes > options.maxQueuedBytes) {
        return Promise.reject(new GatewayError('BUSY', { message: 'too many changes wait for the disk' }))
      }
      const job = nextJob
      const { promise } = enqueue(steps)
      clearTimeout(idleTimer)
      thread?.ref()
      if (stopping) return promise
      if (!thread) restart()
      else if (!ending) {
        outbox.push({ job, steps })
        outboxTimer ??= setImmediate(flush)
      }
      return promise
    },

    async recover (reason) {
      stopping = true
      thread?.ref()
      await thread?.terminate()
      await exited
      stopping = false
      restart(() => repair(reason))
      await replayed
    },

    get repaired () { return repaired },
    get queued () { return pending.size },

    async close () {
      while (atWork()) {
        await allSettled()
        if (pending.size > 0) continue
        thread?.ref()
        endThread()
        await exited
      }
      clearTimeout(idleTimer)
    }
  }
}
