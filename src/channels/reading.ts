/** Asks a service again and again, tells whether it is there, and waits longer the longer it is not. */
import type { AccountContext } from './define-channel.ts'
import { ServiceRefusal } from './http/service.ts'
import { backoffMs, pause } from './waiting.ts'

/** The service is there, and the gateway could not keep what it brought. */
export class NotTaken extends Error {
  constructor (cause: unknown) {
    super('what was brought could not be taken in yet', { cause })
  }
}

export interface ReadingOptions {
  /** For sentences. */
  readonly service: string
  readonly context: Pick<AccountContext, 'log' | 'connected' | 'disconnected' | 'activity'>
  readonly signal: AbortSignal
  /** Asks once. `heard` whenever the service has answered; after trouble it should answer at once, so that it shows. */
  readonly turn: (heard: () => void, isUp: boolean) => Promise<void>
  /** After a turn that went well. */
  readonly restMs?: number
}

const firstWaitMs = 500
const longestWaitMs = 60_000
/** A service that answers at once, with nothing, again and again costs no more than this allows. */
const leastWaitMs = 50

/** Resolves when the account has ended, or when asking is no use any more. */
export async function readAgainAndAgain ({ service, context, signal, turn, restMs = 0 }: ReadingOptions): Promise<void> {
  let isUp = false
  let failures = 0
  const heard = (): void => {
    context.activity()
    if (!isUp) context.connected()
    isUp = true
  }
  function trouble (error: unknown): void {
    failures++
    if (failures === 1) context.log.warn({ err: error }, `${service} cannot be read, and is tried again`)
    if (error instanceof NotTaken) return
    if (error instanceof ServiceRefusal && error.status === 429) return context.activity()
    if (isUp || failures === 1) context.disconnected({ reason: error instanceof Error ? error.message : String(error) })
    isUp = false
  }
  while (!signal.aborted) {
    let waitMs = restMs
    try {
      await turn(heard, isUp)
      if (failures > 0) context.log.info(`${service} can be read again`)
      failures = 0
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof ServiceRefusal && error.isUnauthorized) return context.disconnected({ reason: error.message, terminal: 'logged-out' })
      trouble(error)
      const askedFor = error instanceof ServiceRefusal ? error.retryAfterMs : undefined
      waitMs = Math.min(longestWaitMs, askedFor ?? backoffMs(firstWaitMs, failures, Math.max(restMs, longestWaitMs)))
    }
    await pause(Math.max(leastWaitMs, waitMs), signal)
  }
}
