import { currentTrace } from '../lib/trace-context.ts'
import type { QueueMode, RunRequest, RunResult } from './room.ts'
import type { Sessions, SessionWrite } from '../sessions/room.ts'
import type { StoreOp } from '../store/store.ts'
import { runOp, type StoredRun } from './stored-run.ts'
import type { Voice } from './voice.ts'

/** Why a run ends before it is done. */
export interface Ending {
  readonly kind: 'aborted' | 'timeout' | 'shutdown'
  /** rpc, stop, interrupt, caller, timeout, shutdown */
  readonly origin: string
}

export class RunEnded extends Error {
  readonly ending: Ending
  constructor (ending: Ending) {
    super(`the run was ended: ${ending.origin}`)
    this.name = 'RunEnded'
    this.ending = ending
  }
}

export interface RunFacts {
  readonly id: string
  readonly claim: string
  readonly key: string
  readonly agentId: string
  readonly request: RunRequest
  readonly atMs: number
  readonly mode: QueueMode | 'own'
}

/**
 * One accepted request in this process, from before its first commit until it is settled. Plain fields: what happens to it is
 * driven from outside.
 */
export class Run {
  readonly id: string
  readonly claim: string
  readonly key: string
  readonly agentId: string
  readonly request: RunRequest
  readonly atMs: number
  readonly mode: QueueMode | 'own'
  readonly settled: Promise<RunResult>
  sessionId = ''
  state: 'accepting' | 'queued' | 'waiting' | 'active' | 'committing' | 'settled' = 'accepting'
  startedAtMs: number | undefined = undefined
  /** What the store knows of it. */
  row: StoredRun | undefined = undefined
  /** Resolves when it is durable; a queued run is not taken up before. */
  accepted: Promise<unknown> | undefined = undefined
  /** Taken up again by a later process. */
  recovered = false
  interrupted = false
  /** The API key whose account it goes on. */
  keyId: string | undefined = undefined
  leavesNoTrace = false
  /** Messages that this run answers, when they had to wait and have run ids of their own. */
  answers: readonly Run[] = []
  voice: Voice | undefined = undefined
  resolve!: (result: RunResult) => void
  /** The trace that it was begun in, if somebody traces. */
  readonly trace = currentTrace()
  private readonly controller = new AbortController()
  ending: Ending | undefined = undefined

  constructor (facts: RunFacts) {
    this.id = facts.id
    this.claim = facts.claim
    this.key = facts.key
    this.agentId = facts.agentId
    this.request = facts.request
    this.atMs = facts.atMs
    this.mode = facts.mode
    this.settled = new Promise(resolve => { this.resolve = resolve })
  }

  get signal (): AbortSignal { return this.controller.signal }

  /** False when it is too late: what is being committed stands. */
  end (ending: Ending): boolean {
    if (this.state === 'committing' || this.state === 'settled') return false
    if (this.ending) return true
    this.ending = ending
    this.controller.abort(new RunEnded(ending))
    return true
  }

  /** How the store learns of it: not at all when nothing of the conversation is written. */
  ops (row: StoredRun, open: boolean): StoreOp[] {
    return this.leavesNoTrace ? [] : [runOp({ runId: this.id, sessionKey: this.key, claim: this.claim, open, atMs: this.atMs, value: row })]
  }

  /** Writes what belongs to its conversation, unless that is gone with the run anyway. */
  async write (sessions: Pick<Sessions, 'write'>, write: SessionWrite): Promise<void> {
    if (this.request.fleeting === undefined) await sessions.write(this.key, write)
  }

  ended (more: Pick<RunResult, 'outcome' | 'endedAtMs'> & Partial<RunResult>): RunResult {
    return {
      runId: this.id,
      sessionKey: this.key,
      agentId: this.agentId,
      sessionId: this.sessionId,
      text: '',
      ...(this.request.fingerprint === undefined ? {} : { fingerprint: this.request.fingerprint }),
      ...(this.startedAtMs === undefined ? {} : { startedAtMs: this.startedAtMs }),
      ...more
    }
  }
}

/** What ended a signal. */
export const reasonOf = ({ reason }: AbortSignal): Error => reason instanceof Error ? reason : new Error(String(reason))

/** Settles with the work, or rejects as soon as the run is ended, whether or not the work listens to the signal. */
export function untilEnded<T> (signal: AbortSignal, work: Promise<T>): Promise<T> {
  if (signal.aborted) {
    work.catch(() => {})
    return Promise.reject(reasonOf(signal))
  }
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(reasonOf(signal))
    signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
