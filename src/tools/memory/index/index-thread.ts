/** Hands work on indexes to a thread of its own, which is there only while somebody remembers something. */
import { Worker } from 'node:worker_threads'
import { createHiredThread } from '../../../lib/hired-thread.ts'
import { GatewayError } from '../../../protocol/errors.ts'
import type { IndexAnswer, IndexJob } from './index-worker.ts'

const maxWaiting = 64

export interface IndexThread {
  /** Throws BUSY when too many wait; rejects when the index cannot be used. */
  ask (job: IndexJob): Promise<IndexAnswer>
  close (): Promise<void>
}

export function createIndexThread (): IndexThread {
  const hired = createHiredThread<IndexJob, IndexAnswer>({
    start: () => new Worker(new URL('./index-worker.ts', import.meta.url), {
      name: 'memory', execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 256 }
    }),
    timeoutMs: 30_000,
    idleMs: 30_000
  })
  let isClosed = false
  return {
    async ask (job) {
      // Whoever comes after the last would hire a thread that nobody ends.
      if (isClosed) throw new GatewayError('STOPPING')
      const { waiting } = hired
      if (waiting >= maxWaiting) throw new GatewayError('BUSY', { message: 'too many searches in memory are waiting', details: { waiting } })
      return await hired.perform(job)
    },
    async close () {
      isClosed = true
      await hired.close()
    }
  }
}
