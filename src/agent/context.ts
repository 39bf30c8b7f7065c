/** What the agent room is built over. */
import type { Outbox } from '../channels/replies/reply.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { ModelInfo, Models } from '../providers/model.ts'
import type { Sessions } from '../sessions/room.ts'
import type { Store } from '../store/store.ts'
import type { Tool, Tools } from '../tools/tool.ts'
import type { OutgoingRoom } from './outgoing.ts'
import type { RunRequest } from './room.ts'
import type { ChargeContext } from './charges.ts'
import type { Turn } from './turn.ts'
import type { RunEmit } from './voice.ts'
import type { RunWatch } from './watch.ts'

export interface RunLog {
  debug (fields: object, message: string): void
  info (fields: object, message: string): void
  warn (fields: object, message: string): void
  error (fields: object, message: string): void
}

export interface PromptFacts {
  readonly agentId: string
  readonly sessionKey: string
  readonly request: RunRequest
  readonly tools: readonly Tool[]
  readonly model: Pick<ModelInfo, 'provider' | 'id'>
}

/** The words around a conversation. */
export interface Prompting {
  system (facts: PromptFacts): Promise<string>
  /** What of a reply people see: nothing of a silent one, and nothing while it may still become one. */
  visible (text: string, done: boolean): string
}

export interface RunContext extends Pick<ChargeContext, 'keys'> {
  readonly store: Store
  readonly sessions: Sessions
  readonly models: Models
  readonly tools: Tools
  readonly prompting: Prompting
  /** Absent: what an agent says is told as it is. */
  readonly outgoing?: OutgoingRoom
  /** Absent: no reply goes anywhere else. */
  readonly outbox?: Outbox
  /** Shortens the conversation when it is time, or when a model refused it as too long. Says whether it did. */
  readonly shorten: (turn: Turn, context: RunContext, isTooLong?: true) => Promise<boolean>
  readonly config: () => LoadedConfig
  readonly now: () => number
  readonly log: RunLog
  readonly emit: RunEmit
  readonly watch?: RunWatch
  /** Throws BUSY while the machine has no more to give. */
  readonly expectRoom?: () => void
}
