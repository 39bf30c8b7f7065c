/** What the tools about conversations are built over. Tools never import the agent room: they are handed these few of its functions. */
import type { LoadedConfig } from '../../config/load.ts'
import type { Models } from '../../providers/model.ts'
import type { SessionsRoom } from '../../sessions/sessions.ts'
import type { RunFacts, Tool } from '../tool.ts'

/** A message that begins a run, or joins one. */
export interface RunOrder {
  readonly caller: { readonly principal: string }
  readonly via: string
  readonly idempotencyKey: string
  readonly sessionKey: string
  readonly message: string
  readonly queueMode?: 'steer' | 'followup'
  readonly ownTurn?: boolean
  readonly timeoutMs?: number
  readonly thinking?: string
  readonly extraSystemPrompt?: string
  readonly lane?: string
  readonly spawnedBy?: string
  readonly origin?: { readonly [field: string]: unknown }
}

export interface RunEnd {
  readonly outcome: 'ok' | 'error' | 'aborted' | 'timeout'
  readonly text: string
  readonly endedAtMs: number
  readonly stopReason?: string
  readonly error?: { readonly message: string }
}

export interface StartedRun {
  readonly runId: string
  /** Never rejects. */
  readonly result: Promise<RunEnd>
}

export interface WaitingMessage {
  readonly runId: string
  readonly text: string
  readonly state: string
  readonly atMs: number
}

export interface RunPort {
  start (order: RunOrder): Promise<StartedRun>
  /** Undefined when the run is unknown or does not end in time. */
  wait (runId: string, timeoutMs: number, signal?: AbortSignal): Promise<RunEnd | undefined>
  abort (what: { runId?: string, sessionKey?: string, origin?: string }): Promise<unknown>
  active (sessionKey: string): ReadonlyArray<{ readonly runId: string }>
  pending (sessionKey: string): readonly WaitingMessage[]
}

export interface SessionsLog {
  warn (fields: object, message: string): void
  info (fields: object, message: string): void
}

export interface SessionToolSources {
  readonly version: string
  readonly now: () => number
  readonly config: () => LoadedConfig
  readonly sessions: SessionsRoom
  readonly models: Pick<Models, 'find' | 'allowed' | 'route'>
  readonly runs: RunPort
  /** Takes out what looks like a credential, and every secret in use. */
  readonly redact: (text: string) => string
  readonly agents: () => ReadonlyArray<{ readonly agentId: string, readonly isDefault: boolean }>
  /** What a call from this session may use. */
  readonly allowed: (facts: Pick<RunFacts, 'agentId' | 'sessionKey' | 'isOwner'> & { readonly surface: 'run' | 'http' }) => readonly Tool[]
  readonly log: SessionsLog
}
