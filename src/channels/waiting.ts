/** Waiting between tries, longer each time and never at the same moment as everybody else. */
import { setTimeout as sleep } from 'node:timers/promises'

const longestWaitMs = 60_000

/** Before the next try after so many that failed. */
export const backoffMs = (firstMs: number, count: number, longestMs = longestWaitMs): number =>
  Math.min(longestMs, firstMs * 2 ** (count - 1)) * (0.75 + Math.random() / 2)

/** False: it was called off meanwhile. Keeps no process alive. */
export async function pause (ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => {})
  return !signal.aborted
}
