/** Replies of runs on their way to a chat, as the rooms that make them see it. */
import type { StoreOp } from '../../store/store.ts'

/** A chat of a service. */
export interface ReplyAddress {
  readonly channel: string
  readonly accountId: string
  readonly to: string
  readonly threadId?: string
  /** The message that is answered, as the service calls it. */
  readonly messageId?: string
}

interface AddressedRun {
  readonly runId: string
  readonly sessionKey: string
  readonly agentId: string
  readonly deliver: ReplyAddress
}

export interface BegunRun extends AddressedRun {
  /** Called whenever something happens in it. */
  follow (listener: () => void): () => void
  /** What its reply says so far and people may see. */
  soFar (): string
  readonly settled: Promise<unknown>
}

export interface EndedRun extends AddressedRun {
  readonly result: {
    readonly outcome: 'ok' | 'error' | 'aborted' | 'timeout'
    readonly text: string
    /** What it said before, between its steps. */
    readonly earlier?: readonly string[]
    readonly error?: { readonly message: string }
  }
  /** The agent has said that there is nothing to say. */
  readonly isSilent: boolean
}

/** What belongs to the same commit as the end of a run; `committed` begins to send it. */
export interface PreparedReply {
  readonly ops: readonly StoreOp[]
  committed (): void
}

/** Replies that go out beside their conversation: to the chat where the message came from, or that somebody named. */
export interface Outbox {
  /** Its turn has come: whoever waits for the reply may see that. */
  began (run: BegunRun): void
  /** Undefined: nothing changes with it. */
  ended (run: EndedRun): Promise<PreparedReply | undefined>
}
