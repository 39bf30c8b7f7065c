/** What the rest of the gateway may ask of the one who takes changes of the configuration in, and begins the gateway anew. */
import type { ReloadOptions, ReloadOutcome } from './live-config.ts'

export interface ReloadFacts {
  readonly mode: string
  /** Whether changes of the file are noticed by themselves. */
  readonly watching: boolean
  /** What is written and waits for a restart. */
  readonly pending: readonly string[]
  readonly appliedAtMs?: number
  /** Why the file as it is now is not what runs. */
  readonly refused?: { readonly atMs: number, readonly reason: string }
}

export interface RestartRequest {
  readonly reason: string
  /** Without waiting for runs. */
  readonly force?: boolean
  /** False when it has become needless meanwhile. */
  readonly stillNeeded?: () => boolean
}

export interface RestartAnswer {
  readonly delayMs: number
  /** One was under way already. */
  readonly coalesced: boolean
}

export interface Reloads {
  facts (): ReloadFacts
  /** Reads the file now and says what came of it. */
  now (options?: ReloadOptions): Promise<ReloadOutcome>
  /** Undefined where nothing could begin the gateway anew. */
  restart (request: RestartRequest): RestartAnswer | undefined
}
