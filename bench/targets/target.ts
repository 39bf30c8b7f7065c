import type { ModelWish } from '../model/model.ts'
import type { Secret } from '../wire/identity.ts'
import type { Endpoint } from '../wire/socket.ts'

export type TargetName = 'ours' | 'ceiling' | 'fastify' | 'peer' | 'url'

export interface Target {
  readonly name: TargetName
  /** Speaks the gateway protocol; bare Fastify does not. */
  readonly gateway: boolean
  /** Reads X-Forwarded-For from loopback, so that a scenario can pretend to come from elsewhere. */
  readonly trustsForwarding: boolean
  /** Can be told which model to use; somebody's running gateway cannot, and is asked nothing that would cost its owner. */
  readonly takesModel: boolean
  /** Has the demonstration model that needs no server. */
  readonly hasEcho: boolean
  /** Starts a fresh instance with empty state and returns at once. */
  spawn: (wish?: Wish) => Promise<Spawned>
}

/** What differs between the starts of one target. */
export interface Wish {
  readonly model?: ModelWish
  /** What an acknowledged message survives. `none` is for bare servers: nothing is written. */
  readonly durability?: Durability
  /** Chat completions are switched on. */
  readonly openai?: true
  /** The section `channels` of the configuration. */
  readonly channels?: object
  /** Programs may run commands. */
  readonly exec?: true
  /** Fills the state directory before the start. */
  readonly seed?: (stateDir: string) => Promise<void>
}

export type Durability = 'full' | 'process' | 'none'

export interface Spawned {
  readonly endpoint: Endpoint
  readonly secret: Secret
  /** Head of the processes whose cost is measured. */
  readonly pid?: number
  readonly ended: () => boolean
  /** The last lines the process wrote, for the message when it does not start. */
  readonly output: () => string
  /** Everything it writes; absent where it is not ours to look at. */
  readonly home?: string
  /** `kill -9` and the same command again, in the same directories and on the same port. */
  crash: () => Promise<Spawned>
  stop: () => Promise<void>
}
