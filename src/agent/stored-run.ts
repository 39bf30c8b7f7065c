/** A run as the store keeps it. Rows outlive versions: fields are added, never given another meaning. */
import type { ImagePart, ToolCallPart, ToolResultMessage, Usage } from '../protocol/transcript.ts'
import type { RunEntry, StoreOp } from '../store/store.ts'
import type { QueueMode, RunError, RunOutcome, RunRequest, RunResult } from './room.ts'

/** What of a request a later process needs to go on with it. */
export type StoredOptions = Pick<RunRequest,
  'timeoutMs' | 'model' | 'provider' | 'thinking' | 'extraSystemPrompt' | 'maxOutputTokens' | 'sampling' | 'clientTools' | 'toolChoice' |
  'lane' | 'spawnedBy' | 'deliver' | 'toolsAllow' | 'fallbacks'>

/** A message that is not in the transcript yet. */
export interface StoredInput {
  readonly key: string
  readonly message: string
  /** It may be a part of what somebody says, and so long they may be silent in between. */
  readonly quietMs?: number
  readonly images?: readonly ImagePart[]
  /** What functions of the caller gave, before the message. */
  readonly results?: readonly ToolResultMessage[]
  readonly origin?: { readonly [field: string]: unknown }
  /** Beginnings of messages that gave way when the queue was full. */
  readonly overflow?: readonly string[]
}

export interface StoredRun {
  readonly agentId: string
  readonly sessionId: string
  readonly via: string
  readonly state: 'queued' | 'running' | 'parked' | 'cancelled' | RunOutcome
  readonly mode?: QueueMode | 'own'
  readonly input?: StoredInput
  readonly options?: StoredOptions
  readonly fingerprint?: string
  readonly about?: RunRequest['about']
  /** Something was done that cannot be done again unnoticed. */
  readonly effects?: true
  /** How often a start took it up again. */
  readonly attempts?: number
  /** The run that answered this message. */
  readonly executedAs?: string
  readonly startedAtMs?: number
  readonly endedAtMs?: number
  readonly stopReason?: string
  readonly provider?: string
  readonly model?: string
  readonly usage?: Usage
  readonly calls?: readonly ToolCallPart[]
  readonly error?: RunError
  /** The reply, for those who ask again; long ones end here and are whole in the transcript. */
  readonly text?: string
}

export type StoredEntry = RunEntry<StoredRun>

const maxStoredTextChars = 16_384

/** One claim for each (caller, family of methods, key). */
export const claimOf = (principal: string, via: string, key: string): string => JSON.stringify([principal, via, key])

export const principalOf = (claim: string): string => (JSON.parse(claim) as [string])[0]

export function optionsOf (request: StoredOptions): StoredOptions | undefined {
  const { timeoutMs, model, provider, thinking, extraSystemPrompt, maxOutputTokens, sampling } = request
  const { clientTools, toolChoice, toolsAllow, fallbacks, lane, spawnedBy, deliver } = request
  const limits = { timeoutMs, maxOutputTokens, toolsAllow, fallbacks }
  const options = { ...limits, model, provider, thinking, extraSystemPrompt, sampling, clientTools, toolChoice, lane, spawnedBy, deliver }
  return Object.values(options).some(value => value !== undefined) ? options : undefined
}

/** What stays on the row whatever becomes of the run. */
export const keptOf = ({ fingerprint, about }: Pick<RunRequest, 'fingerprint' | 'about'>): Pick<StoredRun, 'fingerprint' | 'about'> =>
  ({ ...(fingerprint === undefined ? {} : { fingerprint }), ...(about === undefined ? {} : { about }) })

export const runOp = (entry: StoredEntry): StoreOp => ({ op: 'run', run: entry })

/** The row of a message that another run answers. */
export function answeredRow ({ input: _input, options: _options, ...row }: StoredRun, executedAs: string, endedAtMs: number): StoredRun {
  return { ...row, state: 'ok', executedAs, endedAtMs }
}

/** The row of a run that is over. */
export function settledRow (row: StoredRun, result: RunResult): StoredRun {
  const { input: _input, options: _options, effects: _effects, ...rest } = row
  return {
    ...rest,
    state: result.outcome,
    sessionId: result.sessionId,
    endedAtMs: result.endedAtMs,
    ...(result.startedAtMs === undefined ? {} : { startedAtMs: result.startedAtMs }),
    ...(result.stopReason ? { stopReason: result.stopReason } : {}),
    ...(result.provider ? { provider: result.provider, model: result.model } : {}),
    ...(result.usage ? { usage: result.usage } : {}),
    ...(result.calls ? { calls: result.calls } : {}),
    ...(result.error ? { error: result.error } : {}),
    ...(result.text ? { text: result.text.slice(0, maxStoredTextChars) } : {})
  }
}

const outcomes: { readonly [state in StoredRun['state']]?: RunOutcome } = {
  ok: 'ok', error: 'error', aborted: 'aborted', timeout: 'timeout', cancelled: 'aborted'
}

export function resultOf ({ runId, sessionKey, atMs, value }: StoredEntry): RunResult {
  return {
    runId,
    sessionKey,
    agentId: value.agentId,
    sessionId: value.sessionId,
    outcome: outcomes[value.state] ?? 'error',
    text: value.text ?? '',
    endedAtMs: value.endedAtMs ?? atMs,
    ...(value.startedAtMs === undefined ? {} : { startedAtMs: value.startedAtMs }),
    ...(value.stopReason ? { stopReason: value.stopReason } : {}),
    ...(value.provider ? { provider: value.provider } : {}),
    ...(value.model ? { model: value.model } : {}),
    ...(value.usage ? { usage: value.usage } : {}),
    ...(value.calls ? { calls: value.calls } : {}),
    ...(value.error ? { error: value.error } : {})
  }
}
