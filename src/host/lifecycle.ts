import { GatewayError } from '../protocol/errors.ts'
import type { CrashLoop, CrashLoopFacts } from './crash-loop.ts'

export type Phase = 'starting' | 'ready' | 'stopping'

export interface Lifecycle {
  phase (): Phase
  ready (): void
  stopping (): void
  uptimeMs (): number
  /** Why nothing is served right now, or undefined when everything is. */
  unavailable (): GatewayError | undefined
  /** Names of the parts that are not well. Parts report themselves; an empty list is readiness. */
  failing (): string[]
  /** Why some things do not begin by themselves; undefined when they do. */
  heldBack (): CrashLoopFacts | undefined
}

export interface LifecycleOptions {
  readonly now: () => number
  readonly checks: { readonly [name: string]: () => boolean }
  /** Names of further parts that are not well, which come and go. */
  readonly more?: () => readonly string[]
  readonly crashLoop?: CrashLoop | undefined
}

/** Where in its life the gateway stands; every door asks here before it serves. */
export function createLifecycle ({ now, checks, more = () => [], crashLoop }: LifecycleOptions): Lifecycle {
  const startedAtMs = now()
  let phase: Phase = 'starting'
  return {
    phase: () => phase,
    ready () { if (phase === 'starting') phase = 'ready' },
    stopping () { phase = 'stopping' },
    heldBack: () => crashLoop?.facts(),
    uptimeMs: () => Math.max(0, now() - startedAtMs),
    unavailable () {
      if (phase === 'ready') return undefined
      return phase === 'starting' ? new GatewayError('STARTING', { details: { reason: 'startup-sidecars' } }) : new GatewayError('STOPPING')
    },
    failing () {
      if (phase === 'starting') return ['startup-sidecars']
      if (phase === 'stopping') return ['gateway-draining']
      return [...Object.entries(checks).filter(([, passes]) => !passes()).map(([name]) => name), ...more()]
    }
  }
}
