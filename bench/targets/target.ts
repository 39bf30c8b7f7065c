import type { Secret } from '../wire/identity.ts'
import type { Endpoint } from '../wire/socket.ts'

export type TargetName = 'ours' | 'ceiling' | 'fastify' | 'peer' | 'url'

export interface Target {
  readonly name: TargetName
  /** Speaks the gateway protocol; bare Fastify does not. */
  readonly gateway: boolean
  /** Reads X-Forwarded-For from loopback, so that a scenario can pretend to come from elsewhere. */
  readonly trustsForwarding: boolean
  /** Starts a fresh instance with empty state and returns at once. */
  spawn: () => Promise<Spawned>
}

export interface Spawned {
  readonly endpoint: Endpoint
  readonly secret: Secret
  /** Head of the processes whose cost is measured. */
  readonly pid?: number
  readonly ended: () => boolean
  /** The last lines the process wrote, for the message when it does not start. */
  readonly output: () => string
  stop: () => Promise<void>
}
