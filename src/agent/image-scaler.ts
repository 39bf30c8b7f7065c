/** Hands pictures to a thread of its own, which is there only while there is something to scale. */
import { Worker } from 'node:worker_threads'
import { GatewayError } from '../protocol/errors.ts'
import type { ScaleAnswer, ScaleJob } from './image-worker.ts'

/** Each can be several megabytes. */
const maxWaiting = 16
const timeoutMs = 20_000
/** Its memory, which only grows, is given back when nothing comes for so long. */
const idleMs = 15_000

export type Scale = Omit<ScaleJob, 'id'>
export type Scaled = Required<Pick<ScaleAnswer, 'data' | 'mimeType'>>

export interface ImageScaler {
  /** Rejects when the picture cannot be read. Throws BUSY when too many wait. */
  scale (job: Scale): Promise<Scaled>
  close (): Promise<void>
}

interface Hired {
  readonly thread: Worker
  /** Who waits for the picture that it works on. */
  settle: ((answer: ScaleAnswer) => void) | undefined
}

function hire (): Hired {
  const thread = new Worker(new URL('./image-worker.ts', import.meta.url), {
    name: 'images', execArgv: [], resourceLimits: { maxOldGenerationSizeMb: 128 }
  })
  const hired: Hired = { thread, settle: undefined }
  thread.on('message', (answer: ScaleAnswer) => hired.settle?.(answer))
  thread.on('error', error => hired.settle?.({ id: 0, error: String(error) }))
  thread.on('exit', () => hired.settle?.({ id: 0, error: 'its thread ended' }))
  thread.unref()
  return hired
}

export function createImageScaler (): ImageScaler {
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

  async function ask (job: ScaleJob): Promise<ScaleAnswer> {
    clearTimeout(idle)
    const worker = hired ??= hire()
    return await new Promise(resolve => {
      const timer = setTimeout(() => worker.settle?.({ id: job.id, error: 'it took too long' }), timeoutMs)
      worker.settle = answer => {
        clearTimeout(timer)
        worker.settle = undefined
        resolve(answer)
      }
      worker.thread.postMessage(job, [job.bytes.buffer as ArrayBuffer])
    })
  }

  async function perform (job: ScaleJob): Promise<Scaled> {
    try {
      const { data, mimeType, error } = await ask(job)
      if (data === undefined || mimeType === undefined) throw new Error(error ?? 'no answer')
      idle = setTimeout(() => { void dismiss() }, idleMs).unref()
      return { data, mimeType }
    } catch (error) {
      // What failed once may have left anything in its memory.
      await dismiss()
      throw error
    }
  }

  return {
    scale (job) {
      if (waiting >= maxWaiting) throw new GatewayError('BUSY', { message: 'too many pictures are being scaled', details: { waiting } })
      waiting++
      const work = tail.then(async () => await perform({ ...job, id: ++nextId })).finally(() => { waiting-- })
      tail = work.catch(() => {})
      return work
    },
    async close () {
      await tail
      await dismiss()
    }
  }
}
