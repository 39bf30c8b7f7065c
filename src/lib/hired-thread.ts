/** A thread for heavy work: there only while there is some, one piece after the other, and let go when a piece of work fails. */
import type { TransferListItem, Worker } from 'node:worker_threads'

/** What a thread answers: its result, or why there is none. */
export interface ThreadAnswer { readonly error?: string }

export interface HiredThreadOptions {
  readonly start: () => Worker
  readonly timeoutMs: number
  /** Its memory, which only grows, is given back when nothing comes for so long. */
  readonly idleMs: number
}

export interface HiredThread<Job, Answer extends ThreadAnswer> {
  /** Pieces of work that are not done yet. */
  readonly waiting: number
  /** Rejects when the answer is an error, when none comes in time, and when the thread ends. */
  perform (job: Job, transfer?: TransferListItem[]): Promise<Answer>
  close (): Promise<void>
}

interface Hired {
  readonly thread: Worker
  /** Who waits for what it works on. */
  settle: ((answer: ThreadAnswer) => void) | undefined
}

function hire (start: () => Worker): Hired {
  const thread = start()
  const hired: Hired = { thread, settle: undefined }
  thread.on('message', (answer: ThreadAnswer) => hired.settle?.(answer))
  thread.on('error', error => hired.settle?.({ error: String(error) }))
  thread.on('exit', () => hired.settle?.({ error: 'its thread ended' }))
  thread.unref()
  return hired
}

async function ask (hired: Hired, job: unknown, transfer: TransferListItem[], timeoutMs: number): Promise<ThreadAnswer> {
  const { promise, resolve } = Promise.withResolvers<ThreadAnswer>()
  const timer = setTimeout(() => resolve({ error: 'it took too long' }), timeoutMs)
  hired.settle = resolve
  hired.thread.postMessage(job, transfer)
  const answer = await promise
  clearTimeout(timer)
  hired.settle = undefined
  if (answer.error !== undefined) throw new Error(answer.error)
  return answer
}

export function createHiredThread<Job, Answer extends ThreadAnswer> (options: HiredThreadOptions): HiredThread<Job, Answer> {
  const { start, timeoutMs, idleMs } = options
  let hired: Hired | undefined
  let idle: NodeJS.Timeout | undefined
  let tail: Promise<unknown> = Promise.resolve()
  let waiting = 0

  async function dismiss (): Promise<void> {
    clearTimeout(idle)
    const leaving = hired
    hired = undefined
    await leaving?.thread.terminate()
  }

  async function work (job: Job, transfer: TransferListItem[]): Promise<Answer> {
    clearTimeout(idle)
    hired ??= hire(start)
    try {
      const answer = await ask(hired, job, transfer, timeoutMs)
      idle = setTimeout(() => { void dismiss() }, idleMs).unref()
      return answer as Answer
    } catch (error) {
      // It may still be at it, and what failed once may have left anything in its memory.
      await dismiss()
      throw error
    }
  }

  return {
    get waiting () { return waiting },
    async perform (job, transfer = []) {
      waiting++
      const done = tail.then(async () => await work(job, transfer)).finally(() => { waiting-- })
      tail = done.catch(() => {})
      return await done
    },
    async close () {
      await tail
      await dismiss()
    }
  }
}
