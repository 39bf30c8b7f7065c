/** Hands pages to a thread of its own, which is there only while there is something to read. */
import { Worker } from 'node:worker_threads'
import { createHiredThread } from '../../../lib/hired-thread.ts'
import type { PageAnswer, PageJob } from './page-worker.ts'

/** Each is at most as large as a download may be. */
const maxWaiting = 16

export type Page = Required<Pick<PageAnswer, 'title' | 'text'>>

export interface PageReader {
  /** Rejects for a page that takes too long or too much memory. */
  read (job: PageJob): Promise<Page>
  close (): Promise<void>
}

export function createPageReader (): PageReader {
  const hired = createHiredThread<PageJob, PageAnswer>({
    start: () => new Worker(new URL('./page-worker.ts', import.meta.url), {
      name: 'pages', execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 256 }
    }),
    timeoutMs: 15_000,
    idleMs: 30_000
  })
  return {
    async read (job) {
      if (hired.waiting >= maxWaiting) throw new Error('too many pages are being read; try again in a moment')
      const { title, text } = await hired.perform(job)
      if (title === undefined || text === undefined) throw new Error('no answer')
      return { title, text }
    },
    close: hired.close
  }
}
