/** What methods, routes, channels and automations may ask of the agent room. */
import type { Caller } from '../auth/caller.ts'
import type { ReplyAddress } from '../channels/replies/reply.ts'
import type { ImagePart, Message, ToolCallPart, ToolResultMessage, Usage } from '../protocol/transcript.ts'
import type { Sampling, ToolChoice, ToolSpec } from '../providers/model.ts'

export type QueueMode = 'steer' | 'followup' | 'collect' | 'interrupt'

export interface RunRequest {
  /** Who is answerable; part of the idempotency claim. */
  readonly caller: Pick<Caller, 'principal' | 'deviceId' | 'key'> & { readonly connectionId?: string }
  /** The wire method or surface: `chat.send`, `agent`, `http.chat`, `channel`, `cron`, … */
  readonly via: string
  readonly idempotencyKey: string
  readonly sessionKey?: string
  readonly agentId?: string
  readonly message: string
  readonly images?: readonly ImagePart[]
  /**
   * What was said before the message, for a caller that keeps the conversation itself. A session that this request begins takes it
   * over; one that is there already goes by its own transcript.
   */
  readonly history?: readonly Message[]
  /** What the caller's own functions gave: it comes before the message, which may then be empty. */
  readonly toolResults?: readonly ToolResultMessage[]
  /**
   * Nobody comes back to this conversation: it is listed and written nowhere, told to nobody but who follows the run, and gone with
   * the answer. `repeatable`: the answer is kept in memory for whoever asks with the same key again.
   */
  readonly fleeting?: 'once' | 'repeatable'
  /** Why the conversation begins anew before the message, which may then be empty: once for this key, like the run. */
  readonly anew?: string
  readonly queueMode?: QueueMode
  /** For so long an idle agent waits whether whoever wrote it says more, and takes that as one message. 0: it ends such waiting. */
  readonly quietMs?: number
  /** Where the reply goes beside the conversation: it is on its way in the moment in which the run is over, whatever happens then. */
  readonly deliver?: ReplyAddress
  /** Time for the run; absent: agents.defaults.timeoutSeconds. */
  readonly timeoutMs?: number
  readonly model?: string
  readonly provider?: string
  /** In place of those that the agent has; none: the model or nothing. */
  readonly fallbacks?: readonly string[]
  readonly thinking?: string
  readonly extraSystemPrompt?: string
  readonly maxOutputTokens?: number
  readonly sampling?: Sampling
  /** Tools that the run may use at most, as a policy names them; the policy itself takes away from them. */
  readonly toolsAllow?: readonly string[]
  /** Functions that the caller carries out itself: a call to one ends the run and stands in its result. */
  readonly clientTools?: readonly ToolSpec[]
  /** With `required` or a name the model gets the functions of the caller alone. */
  readonly toolChoice?: ToolChoice
  /** The caller wants to know what the model thinks, also when nobody asked it to. */
  readonly thoughts?: true
  /** Lane across sessions: main, subagent, cron, nested, background. */
  readonly lane?: string
  readonly spawnedBy?: string
  /** Stored with the user message: transport, sender, … */
  readonly origin?: { readonly [field: string]: unknown }
  /** What the request says, in short: the same key with another fingerprint is refused. */
  readonly fingerprint?: string
  /** Kept with the run as long as it is remembered, for whoever asks about it. */
  readonly about?: { readonly [field: string]: string }
  /** The run ends when its caller goes (HTTP streams); RPC runs never do. */
  readonly signal?: AbortSignal
  /** Wait for the lane whatever the queue mode says, and get an own reply (HTTP). */
  readonly ownTurn?: boolean
}

export type RunOutcome = 'ok' | 'error' | 'aborted' | 'timeout'

export interface RunResult {
  readonly runId: string
  readonly sessionKey: string
  readonly agentId: string
  readonly sessionId: string
  readonly outcome: RunOutcome
  readonly text: string
  /** What it said before, between its steps. */
  readonly earlier?: readonly string[]
  /** What the model thought, when the request asked for it. */
  readonly thought?: string
  readonly startedAtMs?: number
  readonly endedAtMs: number
  readonly stopReason?: string
  readonly provider?: string
  readonly model?: string
  readonly usage?: Usage
  /** Calls to functions of the caller, who is to answer them with the next request. */
  readonly calls?: readonly ToolCallPart[]
  readonly error?: RunError
  /** Of the request. */
  readonly fingerprint?: string
}

export interface RunError {
  readonly kind: string
  readonly message: string
  /** What the provider answered with, and when it wants to be asked again. */
  readonly status?: number
  readonly retryAfterMs?: number
}

export interface RunHandle {
  readonly runId: string
  readonly sessionKey: string
  readonly agentId: string
  readonly sessionId: string
  readonly acceptedAtMs: number
  /** `started` is new; the others are what a repeated key finds. */
  readonly status: 'started' | 'in_flight' | 'done'
  readonly interrupted?: boolean
  /** Settles once, also for runs of an earlier process. Never rejects. */
  readonly result: Promise<RunResult>
}

/** What there is to say about a request, wherever it stands. */
export interface RunReport extends Omit<RunHandle, 'status' | 'interrupted'> {
  readonly state: 'queued' | 'running' | 'parked' | RunOutcome
  readonly startedAtMs?: number
  readonly fingerprint?: string
  readonly about: { readonly [field: string]: string }
}

export interface RunEvent {
  readonly runId: string
  readonly sessionKey: string
  readonly agentId: string
  readonly seq: number
  readonly stream: 'lifecycle' | 'assistant' | 'thinking' | 'tool' | 'item' | 'usage' | 'run_status'
  readonly data: { readonly [field: string]: unknown }
  readonly ts: number
}

export interface ActiveRun {
  readonly runId: string
  readonly sessionKey: string
  readonly startedAtMs: number
  /** What the reply says so far. */
  readonly text: string
}

export interface PendingInput {
  readonly runId: string
  readonly text: string
  /** Parked: it will not be answered unless somebody sends it again. */
  readonly state: 'queued' | 'parked'
  readonly atMs: number
}

export interface LaneFacts {
  readonly lane: string
  readonly active: number
  readonly queued: number
  readonly max: number
}

export interface RunStats {
  readonly active: number
  readonly queued: number
  readonly parked: number
  /** Sessions with something to do, and those of them in which messages wait. */
  readonly sessions: number
  readonly waitingSessions: number
  readonly lanes: readonly LaneFacts[]
}

export interface Runs {
  /**
   * Resolves after the request is durable. Throws BUSY when the queue of the session is full, INVALID_PARAMS for unknown keys and
   * agents.
   */
  start (request: RunRequest): Promise<RunHandle>
  /** The request with this key of this caller, also of an earlier process. */
  find (request: Pick<RunRequest, 'caller' | 'via' | 'idempotencyKey'>): Promise<RunReport | undefined>
  abort (what: { runId?: string, sessionKey?: string, origin?: string }): Promise<{ runIds: string[] }>
  /** Undefined when the run is unknown or does not end in time. */
  wait (runId: string, timeoutMs: number, signal?: AbortSignal): Promise<RunResult | undefined>
  /** The conversation that a run belongs to, as long as it is remembered. */
  sessionOf (runId: string): Promise<string | undefined>
  /** Every event of one run, from now on, in order, before it is paced for sockets. */
  follow (runId: string, listener: (event: RunEvent) => void): () => void
  active (sessionKey?: string): readonly ActiveRun[]
  pending (sessionKey: string): readonly PendingInput[]
  /** Messages that nobody has begun to answer yet, by agent. */
  waiting (agentId: string): number
  stats (): RunStats
  /** Takes up what an earlier process left: called once, after the gateway is ready. */
  recover (): Promise<{ resumed: number, failed: number, parked: number }>
  /** Lets active runs finish within the time, then checkpoints and stops them. */
  drain (budgetMs: number): Promise<void>
}
