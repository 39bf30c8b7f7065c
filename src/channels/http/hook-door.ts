/** Where services that call us come in: so many at a time, each answered in time, and told to come again when we did not take it. */
import type { Logger } from '../../log/logger.ts'
import type { WebhookAnswer } from '../define-channel.ts'

export interface HookDoorOptions {
  /** For sentences. */
  readonly service: string
  readonly log: Logger
  readonly mostWaiting?: number
  /** The service gives up after a little more. */
  readonly answerWithinMs?: number
}

export const hookAnswer = (status: number, error?: string): WebhookAnswer =>
  ({ status, body: error === undefined ? { ok: true } : { ok: false, error } })

/** Resolves with 200 when the work is done, and with 503 when it is not, or is not yet. */
export type HookDoor = (work: () => Promise<void>) => Promise<WebhookAnswer>

export function createHookDoor ({ service, log, mostWaiting = 80, answerWithinMs = 15_000 }: HookDoorOptions): HookDoor {
  let waiting = 0
  return async work => {
    // The service has so many connections and no more; whoever has more is somebody else, or everything here hangs.
    if (waiting >= mostWaiting) return hookAnswer(503, 'try again')
    const { promise: tooLate, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new Error('it took too long')), answerWithinMs).unref()
    waiting++
    const done = work().finally(() => waiting--)
    done.catch(() => {})
    try {
      await Promise.race([done, tooLate])
      return hookAnswer(200)
    } catch (err) {
      log.warn({ err }, `what ${service} brought could not be taken in yet`)
      return hookAnswer(503, 'try again')
    } finally {
      clearTimeout(timer)
    }
  }
}
