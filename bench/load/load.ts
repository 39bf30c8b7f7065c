/** The bench's side of a load process. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Children } from '../children.ts'
import type { FromLoad, Job, JobResult } from './job.ts'

export interface Load {
  /** `onBegin` is called when connections stand and the window opens. */
  run: (job: Job, onBegin?: () => void) => Promise<JobResult>
  stop: () => Promise<void>
}

const entry = fileURLToPath(new URL('main.ts', import.meta.url))

/** Connecting a thousand clients to a slow gateway takes its time; nothing takes this long. */
const jobGraceMs = 180_000

export function startLoad (children: Children): Load {
  const child = fork(entry, [], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' })
  children.add(child)
  const run: Load['run'] = (job, onBegin = () => {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<JobResult>()
    const onMessage = (message: unknown): void => {
      const answer = message as FromLoad
      if ('began' in answer) return onBegin()
      if ('result' in answer) resolve(answer.result)
      else reject(new Error(answer.error))
    }
    const onExit = (): void => reject(new Error(`the load process ended during ${job.kind}`))
    const deadline = setTimeout(() => reject(new Error(`${job.kind} did not end in time`)), jobGraceMs)
    child.on('message', onMessage)
    child.once('exit', onExit)
    child.send({ job })
    return promise.finally(() => {
      clearTimeout(deadline)
      child.off('message', onMessage)
      child.off('exit', onExit)
    })
  }
  return { run, stop: () => children.stop(child) }
}
