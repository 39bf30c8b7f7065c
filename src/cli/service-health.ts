/** Waits until a service that was started serves, or has given up. */
import { setTimeout as delay } from 'node:timers/promises'
import { steadyNow } from '../lib/clock.ts'
import { exitCodes } from '../lib/exit-codes.ts'
import type { ServiceRuntime } from '../service/service.ts'
import { probeGateway } from './probe.ts'
import type { ServiceSetup } from './service-setup.ts'
import { selectTarget } from './target.ts'

export type ServiceHealth =
  | { readonly state: 'healthy', readonly pid: number | undefined }
  | { readonly state: 'starting' }
  | { readonly state: 'gave-up', readonly why: string, readonly hint: string }

const intervalMs = 500
const probeTimeoutMs = 3_000
/** A supervisor shows the old process for a moment, so one look at a service that rests is not enough. */
const restingLooks = 4

const meanings: { readonly [code: number]: readonly [why: string, hint: string] } = {
  [exitCodes.configuration]: ['the configuration forbids the start', 'See what to correct: openclaw config validate, then: openclaw gateway start'],
  [exitCodes.taken]: ['the port or the state directory belongs to another process', 'See which: openclaw gateway status --deep']
}

function gaveUp ({ status, lastExitStatus, lastExitReason }: ServiceRuntime): ServiceHealth | undefined {
  if (status !== 'stopped') return undefined
  const [why, hint] = meanings[lastExitStatus ?? 0] ?? [
    `the service ended${lastExitStatus === undefined ? '' : ` with ${lastExitStatus}`}${lastExitReason ? ` (${lastExitReason})` : ''}`,
    'See why: openclaw logs, or openclaw gateway status --deep'
  ]
  return { state: 'gave-up', why, hint }
}

export interface WaitOptions {
  readonly port: number
  readonly timeoutMs: number
  /** The process that goes; only another one is the answer. */
  readonly formerPid?: number | undefined
}

async function isServing ({ settings }: ServiceSetup, port: number): Promise<boolean> {
  const opening = { stateDir: settings.paths.stateDir, timeoutMs: probeTimeoutMs, note: () => undefined, identity: 'if-paired' as const, now: Date.now }
  const { connected, error } = await probeGateway(selectTarget({ port }, settings), { ...opening, ask: {} })
  // On a first start its token did not exist yet when the settings were read. A gateway that refuses us serves.
  return connected || error?.kind === 'request'
}

export async function waitForService (setup: ServiceSetup, { port, timeoutMs, formerPid }: WaitOptions): Promise<ServiceHealth> {
  const deadline = steadyNow() + timeoutMs
  for (let resting = 0; ;) {
    const runtime = await setup.manager.runtime()
    const ended = gaveUp(runtime)
    resting = ended ? resting + 1 : 0
    if (ended && resting >= restingLooks) return ended
    const isOther = runtime.pid === undefined || runtime.pid !== formerPid
    if (!ended && isOther && await isServing(setup, port)) return { state: 'healthy', pid: runtime.pid }
    if (steadyNow() >= deadline) return { state: 'starting' }
    await delay(intervalMs)
  }
}
