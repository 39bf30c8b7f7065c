/** Hands pages to a thread of its own, which is there only while there is something to read. */
import { Worker } from 'node:worker_threads'
import type { PageAnswer, PageJob } from './page-worker.ts'

/** Each is at most as large as a download may be. */
const maxWaiting = 16
const timeoutMs = 15_000
const idleMs = 30_000

export type Page = Required<Pick<PageAnswer, 'title' | 'text'>>

export interface PageReader {
  /** Rejects for a page that takes too long or too much memory. */
  read (job: Omit<PageJob, 'id'>): Promise<Page>
  close (): Promise<void>
}

interface Hired {
  readonly thread: Worker
  settle: ((answer: PageAnswer) => void) | undefined
}

function hire (): Hired {
  const thread = new Worker(new URL('./page-worker.ts', import.meta.url), {
    name: 'pages', execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 256 }
  })
  const hired: Hired = { thread, settle: undefined }
  thread.on('message', (answer: PageAnswer) => hired.settle?.(answer))
  thread.on('error', error => hired.settle?.({ id: 0, error: String(error) }))
  thread.on('exit', () => hired.settle?.({ id: 0, error: 'its thread ended' }))
  thread.unref()
  return hired
}

async function ask (hired: Hired, job: PageJob): Promise<Page> {
  const { promise, resolve } = Promise.withResolvers<PageAnswer>()
  const timer = setTimeout(() => resolve({ id: job.id, error: 'it takes too long' }), timeoutMs)
  hired.settle = resolve
  hired.thread.postMessage(job)
  const { title, text, error } = await promise
  clearTimeout(timer)
  hired.settle = undefined
  if (title === undefined || text === undefined) throw new Error(error ?? 'no answer')
  return { title, text }
}

export function createPageReader (): PageReader {
  let hired: Hired | undefined
  let idle: NodeJS.Timeout | undefined
  let tail: Promise<unknown> = Promise.resolve()
  let waiting = 0
  let nextId = 0

  async function dismiss (): Promise<void> {
    clearTimeout(idle)
    const leaving = hired
    hired = undefined
    await leaving?.thread.terminate()
  }

  async function perform (job: PageJob): Promise<Page> {
    clearTimeout(idle)
    hired ??= hire()
    try {
      const page = await ask(hired, job)
      idle = setTimeout(() => { void dismiss() }, idleMs).unref()
      return page
    } catch (error) {
      // It may still be at it.
      await dismiss()
      throw error
    }
  }

  return {
    async read (job) {
      if (waiting >= maxWaiting) throw new Error('too many pages are being read; try again in a moment')
      waiting++
      const work = tail.then(async () => await perform({ ...job, id: ++nextId })).finally(() => { waiting-- })
      tail = work.catch(() => {})
      return await work
    },
    async close () {
      await tail
      await dismiss()
    }
  }
}
