/** What other rooms may ask of the scheduler. */
import type { Fields } from './params.ts'

/** Whoever makes or changes a job: it does later what they may do. */
export interface Author {
  readonly isOwner: boolean
}

export interface Cron {
  /** Takes up what an earlier process left, and sets the clock. */
  begin (): Promise<void>
  /** The configuration has changed, or somebody else wants the clock looked at. */
  wakeUp (): void
  list (asked: Fields): Promise<object>
  status (): Promise<object>
  /** Throws CRON_JOB_NOT_FOUND. */
  get (id: string): Promise<object>
  add (fields: Fields, author: Author): Promise<object>
  update (id: string, change: { readonly patch: Fields, readonly expectedConfigRevision?: string }, author: Author): Promise<object>
  remove (id: string): Promise<object>
  run (id: string, mode: 'due' | 'force' | 'if-enabled'): Promise<object>
  runs (asked: Fields): Promise<object>
  /** What a job is called and where it runs, for whoever asks from within a run. */
  jobOfSession (sessionKey: string): Promise<string | undefined>
  /** Whoever runs in this conversation wants the job to look again in so long. */
  nextCheck (sessionKey: string, span: string): Promise<object>
  close (): Promise<void>
}
