/** From the start of an account to its end: what is called off then, what may finish, and what is closed at last. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { AccountContext, RunningAccount } from './define-channel.ts'

export interface Life {
  /** Aborted when the account ends, or could not be begun. */
  readonly signal: AbortSignal
  /** Work that goes on until the signal. What ends it before costs the account. */
  follow (work: Promise<void>): void
  /** Closed when nothing uses it any more. */
  closeAtEnd<Thing extends { close (): void }> (thing: Thing): Thing
}

/** What is being sent is let finish for so long, so that its outcome is known. */
const patienceMs = 3000

async function settled (work: Iterable<Promise<unknown>>): Promise<void> {
  const calledOff = new AbortController()
  const patience = sleep(patienceMs, undefined, { ref: false, signal: calledOff.signal }).catch(() => {})
  await Promise.race([Promise.allSettled(work), patience])
  calledOff.abort()
}

/** The same calls, each of which stands in `sending` for as long as it takes. */
function tracked (running: Omit<RunningAccount, 'stop'>, sending: Set<Promise<unknown>>): Omit<RunningAccount, 'stop'> {
  const track = <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) => async (...args: Args): Promise<Result> => {
    const work = call(...args)
    sending.add(work)
    try {
      return await work
    } finally {
      sending.delete(work)
    }
  }
  const { send, edit, poll } = running
  return { ...running, send: track(send), ...(edit ? { edit: track(edit) } : {}), ...(poll ? { poll: track(poll) } : {}) }
}

/** An account whose end follows from what `begin` was given; what `begin` had opened is closed when it fails. */
export async function live (
  context: Pick<AccountContext, 'signal' | 'failed'>, begin: (life: Life) => Omit<RunningAccount, 'stop'> | Promise<Omit<RunningAccount, 'stop'>>
): Promise<RunningAccount> {
  const ending = new AbortController()
  context.signal.addEventListener('abort', () => ending.abort())
  if (context.signal.aborted) ending.abort()
  const followed: Array<Promise<void>> = []
  const open: Array<{ close (): void }> = []
  const sending = new Set<Promise<unknown>>()
  const close = (): void => { for (const thing of open) thing.close() }
  try {
    const running = await begin({
      signal: ending.signal,
      follow (work) { followed.push(work.catch(error => context.failed(error))) },
      closeAtEnd (thing) {
        open.push(thing)
        return thing
      }
    })
    return {
      ...tracked(running, sending),
      async stop () {
        ending.abort()
        await Promise.all(followed)
        await settled(sending)
        close()
      }
    }
  } catch (error) {
    ending.abort()
    close()
    throw error
  }
}
