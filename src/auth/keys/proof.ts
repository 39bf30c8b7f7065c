/** Proves an API key, at every door alike. */
import { setTimeout as sleep } from 'node:timers/promises'
import { GatewayError, isGatewayError } from '../../protocol/errors.ts'
import type { Ingress } from '../ingress.ts'
import { limiterSubject, type AttemptLimiter } from '../limiter.ts'
import type { Keys, ProvenKey } from './room.ts'

export interface KeyProofOptions {
  /** The room is loaded when somebody first comes with a key. */
  readonly keys: () => Promise<Keys>
  readonly limiter: AttemptLimiter
}

export type KeyProof = (tokenHash: string, ingress: Ingress) => Promise<ProvenKey>

/** A right key is good in a place that others have been shut out from; whoever guesses waits for nobody else's guesses. */
export const createKeyProof = ({ keys, limiter }: KeyProofOptions): KeyProof => async (tokenHash, ingress) => {
  const room = await keys()
  try {
    return room.prove(tokenHash, ingress.clientAddress)
  } catch (error) {
    if (!isGatewayError(error) || error.code !== 'AUTH_KEY_UNKNOWN') throw error
    const subject = limiterSubject(ingress)
    const gate = limiter.check('api-key', subject)
    if (!gate.allowed) throw new GatewayError('AUTH_RATE_LIMITED', { retryAfterMs: gate.retryAfterMs })
    const { delayMs } = limiter.recordFailure('api-key', subject)
    if (delayMs > 0) await sleep(delayMs)
    throw error
  }
}
