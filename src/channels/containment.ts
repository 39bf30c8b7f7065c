/** Code of channels runs in here: whatever it leaves uncaught, now or in a timer later, costs its own account and nobody else. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { answerForStrays } from '../lib/stray-error.ts'

type Blame = (error: unknown) => void

// One for the process: a timer of an account may outlive the gateway that started it.
const running = new AsyncLocalStorage<Blame>()

answerForStrays(error => {
  const blame = running.getStore()
  blame?.(error)
  return blame !== undefined
})

export const contained = async <Result>(blame: Blame, work: () => Promise<Result>): Promise<Result> =>
  await running.run(blame, async () => await work())

/** Our own code on behalf of a channel: what goes wrong in it is not the fault of the channel. */
export const outside = <Result>(work: () => Result): Result => running.exit(work)
