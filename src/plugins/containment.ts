/** Code of plugins runs in here: what it throws, now or later, and how long it takes, costs the plugin and nobody else. */
import { createFence } from '../lib/fence.ts'
import { PluginProblem } from './failure.ts'

/** Whose code it is. */
export interface Suspect {
  readonly id: string
  /** It left something uncaught: a timer that threw, an event without a listener, a promise that nobody looked at. */
  stray (error: unknown): void
}

const fence = createFence<Suspect>((suspect, error) => suspect.stray(error))

/** Our own code on behalf of a plugin: what goes wrong in it is not the fault of the plugin. */
export const { outside } = fence

export interface Bounds {
  readonly limitMs: number
  readonly signals?: readonly AbortSignal[]
}

type Work<Result> = (signal: AbortSignal) => Result | Promise<Result>

/**
 * Ends with the work, with the limit or with a signal, whichever comes first, and tells the work so by a signal of its own. What goes
 * on all the same is nobody's concern any more.
 */
export async function contained<Result> (suspect: Suspect, { limitMs, signals = [] }: Bounds, work: Work<Result>): Promise<Result> {
  for (const signal of signals) signal.throwIfAborted()
  const ending = new AbortController()
  const ended = Promise.withResolvers<never>()
  const end = (reason: unknown): void => {
    ended.reject(reason)
    ending.abort(reason)
  }
  const limit = setTimeout(() => end(new PluginProblem(`it was not done within ${limitMs} ms`)), limitMs)
  // By hand: signals that live for long keep what AbortSignal.any made of them for longer than the work.
  const listening = signals.map(signal => ({ signal, onAbort: () => end(signal.reason) }))
  for (const { signal, onAbort } of listening) signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([fence.inside(suspect, async () => await work(ending.signal)), ended.promise])
  } finally {
    clearTimeout(limit)
    for (const { signal, onAbort } of listening) signal.removeEventListener('abort', onAbort)
  }
}

/** The same for what must answer at once. */
export const containedNow = <Result>(suspect: Suspect, work: () => Result): Result => fence.inside(suspect, work)
