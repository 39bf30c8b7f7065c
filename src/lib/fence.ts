/** A fence around code that is not ours: what it leaves uncaught, now or in a timer later, is told to whoever answers for it. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { answerForStrays } from './stray-error.ts'

export interface Fence<Suspect> {
  inside<Result> (suspect: Suspect, work: () => Result): Result
  /** Our own code on behalf of what is fenced in: what goes wrong in it is not its fault. */
  outside<Result> (work: () => Result): Result
}

/** Made once for a process: a timer may outlive the gateway that let it in. */
export function createFence<Suspect extends object> (stray: (suspect: Suspect, error: unknown) => void): Fence<Suspect> {
  const running = new AsyncLocalStorage<Suspect>()
  answerForStrays(error => {
    const suspect = running.getStore()
    if (suspect !== undefined) stray(suspect, error)
    return suspect !== undefined
  })
  return {
    inside: (suspect, work) => running.run(suspect, work),
    outside: work => running.exit(work)
  }
}
