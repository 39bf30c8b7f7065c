/** Whether a service that calls us can reach us: it alone knows, and says so when it is asked. */
import type { AccountContext } from '../define-channel.ts'
import { pause } from '../waiting.ts'

export interface IngressWatch {
  /** For sentences. */
  readonly service: string
  readonly everyMs: number
  /** Until the first look; absent: as long as between all others. */
  readonly firstMs?: number
  readonly context: Pick<AccountContext, 'log' | 'ingress'>
  readonly signal: AbortSignal
  /** Why it cannot, undefined when it can. */
  problem (): Promise<string | undefined>
  /** The credential is none any more: the account has been told, and asking is no use. */
  isOver (error: unknown): boolean
}

/** Asks every so often until the signal. That the service itself is away is nothing that a restart would help against. */
export async function watchIngress (watch: IngressWatch): Promise<void> {
  const { service, everyMs, firstMs = everyMs, context, signal, problem, isOver } = watch
  for (let waitMs = firstMs; await pause(waitMs, signal); waitMs = everyMs) {
    try {
      context.ingress(await problem())
    } catch (err) {
      if (signal.aborted || isOver(err)) return
      context.log.debug({ err }, `${service} could not be asked whether it reaches us`)
    }
  }
}
