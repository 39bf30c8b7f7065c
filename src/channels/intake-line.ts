/**
 * What a socket brings, taken in one after another. What cannot be taken in now is tried again, and holds up what comes after it: the
 * service must not think that we have it. Whoever brings more than fits is asked to wait.
 */
import type { Logger } from '../log/logger.ts'
import { backoffMs, pause } from './waiting.ts'

export interface IntakeLineOptions<Item> {
  /** For sentences. */
  readonly service: string
  /** Resolves when the item is durable, or is none of ours. */
  readonly take: (item: Item) => Promise<void>
  readonly log: Logger
  readonly signal: AbortSignal
  /** It is full, or has room again. */
  readonly full: (isFull: boolean) => void
}

export interface IntakeLine<Item> {
  put (item: Item): void
  readonly isFull: boolean
  /** Resolves when nothing is being taken in any more. */
  ended (): Promise<void>
}

const mostWaiting = 1000
const firstWaitMs = 500
const longestWaitMs = 30_000

export function createIntakeLine<Item> ({ service, take, log, signal, full }: IntakeLineOptions<Item>): IntakeLine<Item> {
  const waiting: Item[] = []
  let working: Promise<void> | undefined
  let isFull = false

  function tell (now: boolean): void {
    if (isFull === now) return
    isFull = now
    full(now)
  }

  async function takeOne (item: Item): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await take(item)
        if (tries > 1) log.info(`what ${service} brings can be taken in again`)
        return
      } catch (err) {
        if (signal.aborted) return
        if (tries === 1) log.warn({ err }, `what ${service} brought could not be taken in; it is tried again`)
        if (!await pause(backoffMs(firstWaitMs, tries, longestWaitMs), signal)) return
      }
    }
  }

  async function work (): Promise<void> {
    for (let item = waiting.shift(); item !== undefined && !signal.aborted; item = waiting.shift()) {
      await takeOne(item)
      if (waiting.length < mostWaiting / 2) tell(false)
    }
    working = undefined
  }

  return {
    put (item) {
      if (signal.aborted) return
      waiting.push(item)
      if (waiting.length >= mostWaiting) tell(true)
      working ??= work()
    },
    get isFull () { return isFull },
    ended: async () => await working
  }
}
