/** What the rooms below may ask of the sessions: one conversation each, found by its key, durable line by line. */
import type { LineBody, TranscriptLine } from '../protocol/transcript.ts'
import type { Line, StoreOp } from '../store/store.ts'
import type { Viewer } from './ownership.ts'
import type { SessionRecord } from './record.ts'

/** A key that was understood: what the client sent, what it means, and whose it is. */
export interface SessionTarget {
  /** The canonical key, `agent:<agentId>:<rest>`. */
  readonly key: string
  readonly agentId: string
  /** As the client sent it: what is echoed back. */
  readonly name: string
}

export interface SessionWrite {
  /** Appended in this order. */
  readonly lines?: ReadonlyArray<LineBody & { readonly runId?: string }>
  /** Fields of the row that change; `undefined` takes one away. */
  readonly patch?: Partial<SessionRecord>
  /** What is committed together with it, such as the run. */
  readonly ops?: readonly StoreOp[]
  /** What sessions.changed says; absent: subscribers are not told of the row. */
  readonly reason?: string
  readonly phase?: string
  readonly runId?: string
  /** How a session that does not exist yet came about; without it writing to an unknown key throws SESSION_UNKNOWN. */
  readonly create?: Partial<SessionRecord>
}

export interface Written {
  readonly record: SessionRecord
  readonly lines: ReadonlyArray<Line<TranscriptLine>>
  /** False when the session was there before. */
  readonly created: boolean
}

export interface Sessions {
  /** Resolves when the rows are in memory. Rooms may be asked before; whatever needs rows waits for it. */
  readonly ready: Promise<void>
  /**
   * Throws INVALID_PARAMS for keys outside the grammar, for another agent's key, and for agents that do not exist. Accepts aliases
   * (`main`, free names).
   */
  target (sessionKey: string | undefined, agentId?: string): SessionTarget
  /** The same room, as somebody finds it: an API key meets nothing but what it may see, and names begin with its own. */
  as (viewer: Viewer): Sessions
  /** By canonical key. */
  get (key: string): SessionRecord | undefined
  byId (sessionId: string): SessionRecord | undefined
  /**
   * The one way to change a conversation: assigns places synchronously, commits lines, row and `ops` in one transaction, then tells
   * subscribers (`session.message` for each message line, `sessions.changed` when there is a reason). Calls for one key commit in the
   * order of the calls.
   */
  write (key: string, write: SessionWrite): Promise<Written>
  /** What the model of this session sees: the lines since the last reset, a summary standing for what it replaced. Bounded. */
  context (key: string): Promise<ReadonlyArray<Line<TranscriptLine>>>
  /** Raw lines for history pages; of an earlier generation when its `sessionId` is given. */
  readonly lines: {
    tail (key: string, page: { limit: number, before?: number, sessionId?: string }): Promise<ReadonlyArray<Line<TranscriptLine>>>
    after (key: string, page: { seq: number, limit: number, sessionId?: string }): Promise<ReadonlyArray<Line<TranscriptLine>>>
    find (key: string, id: string, sessionId?: string): Promise<Line<TranscriptLine> | undefined>
    extent (key: string): Promise<{ lines: number, lastSeq: number }>
  }
  /** Begins a new generation when the reset rules (daily, idle) say so; called before a turn of a person. */
  rollOver (key: string): Promise<void>
  /** The wire row, as sessions.list shows it. */
  row (key: string): object | undefined
  count (): number
  /** Connections that asked for a session's messages, or for changes of all rows. */
  readonly subscribers: {
    ofMessages (key: string): readonly string[]
    ofChanges (): readonly string[]
    hears (connectionId: string, key: string): boolean
  }
  close (): Promise<void>
}
