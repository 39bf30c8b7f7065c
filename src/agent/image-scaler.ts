/** Hands pictures to a thread of its own, which is there only while there is something to scale. */
import { Worker } from 'node:worker_threads'
import { createHiredThread } from '../lib/hired-thread.ts'
import { GatewayError } from '../protocol/errors.ts'
import type { ScaleAnswer, ScaleJob } from './image-worker.ts'

/** Each can be several megabytes. */
const maxWaiting = 16

export type Scaled = Required<Pick<ScaleAnswer, 'data' | 'mimeType'>>

export interface ImageScaler {
  /** Rejects when the picture cannot be read. Throws BUSY when too many wait. */
  scale (job: ScaleJob): Promise<Scaled>
  close (): Promise<void>
}

export function createImageScaler (): ImageScaler {
  const hired = createHiredThread<ScaleJob, ScaleAnswer>({
    start: () => new Worker(new URL('./image-worker.ts', import.meta.url), {
      name: 'images', execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 128 }
    }),
    timeoutMs: 20_000,
    idleMs: 15_000
  })

  async function perform (job: ScaleJob): Promise<Scaled> {
    const { data, mimeType } = await hired.perform(job, [job.bytes.buffer as ArrayBuffer])
    if (data === undefined || mimeType === undefined) throw new Error('no answer')
    return { data, mimeType }
  }

  return {
    scale (job) {
      const { waiting } = hired
      if (waiting >= maxWaiting) throw new GatewayError('BUSY', { message: 'too many pictures are being scaled', details: { waiting } })
      return perform(job)
    },
    close: hired.close
  }
}
