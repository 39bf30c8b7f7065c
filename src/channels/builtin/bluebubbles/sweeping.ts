/** Asks the server now and then: whether it is there, what it can do, and what no webhook brought. */
import type { AccountContext } from '../../define-channel.ts'
import { ServiceRefusal } from '../../http/service.ts'
import { backoffMs, pause } from '../../waiting.ts'
import type { Api } from './api.ts'
import { NotTaken, type Intake } from './intake.ts'
import type { ServerInfo } from './wire.ts'

export interface SweepingOptions {
  readonly api: Api
  readonly context: AccountContext
  readonly intake: Intake
  readonly everyMs: number
  readonly signal: AbortSignal
  readonly learned: (info: ServerInfo) => void
  /** The server can be used, for the first time or again. */
  readonly up: () => Promise<void>
}

const firstWaitMs = 1000

export const serverInfo = async (api: Api, signal: AbortSignal): Promise<ServerInfo> => await api.call<ServerInfo | undefined>('GET', 'server/info', { signal }) ?? {}

/** Resolves when the account has ended, or when asking is no use any more. */
export async function sweepAgainAndAgain ({ api, context, intake, everyMs, signal, learned, up }: SweepingOptions): Promise<void> {
  let isUp = false
  let failures = 0
  while (!signal.aborted) {
    try {
      learned(await serverInfo(api, signal))
      context.activity()
      if (!isUp) {
        isUp = true
        context.connected()
        await up()
      }
      await intake.sweep(signal)
      if (failures > 0) context.log.info('BlueBubbles can be read again')
      failures = 0
    } catch (error) {
      if (signal.aborted) return
      const reason = error instanceof Error ? error.message : String(error)
      if (error instanceof ServiceRefusal && error.isUnauthorized) return context.disconnected({ reason, terminal: 'logged-out' })
      if (failures++ === 0) context.log.warn({ err: error }, 'BlueBubbles cannot be read, and is tried again')
      if (!(error instanceof NotTaken)) {
        if (isUp || failures === 1) context.disconnected({ reason })
        isUp = false
      }
    }
    await pause(failures > 0 ? Math.min(everyMs, backoffMs(firstWaitMs, failures)) : everyMs, signal)
  }
}
