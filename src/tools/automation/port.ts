/** What agents may ask of the rooms in which things happen by themselves. Those come later, and answer in these words. */

type Fields = { readonly [name: string]: unknown }

export interface JobPort {
  list (asked: Fields): Promise<object>
  status (): Promise<object>
  get (id: string): Promise<object>
  add (fields: Fields, author: { readonly isOwner: boolean }): Promise<object>
  update (
    id: string, change: { readonly patch: Fields, readonly expectedConfigRevision?: string }, author: { readonly isOwner: boolean }
  ): Promise<object>
  remove (id: string): Promise<object>
  run (id: string, mode: 'due' | 'force' | 'if-enabled'): Promise<object>
  runs (asked: Fields): Promise<object>
  /** When the run in this conversation wants its job to look again. */
  nextCheck (sessionKey: string, span: string): Promise<object>
  /** The job in whose run this conversation is. */
  jobOfSession (sessionKey: string): Promise<string | undefined>
}

export interface WakeRequest {
  readonly mode: 'now' | 'next-heartbeat'
  readonly text: string
  readonly agentId?: string
  readonly sessionKey?: string
  /** Whoever asks holds the gateway. */
  readonly isOwner: boolean
  /** The same key is the same wake. */
  readonly key?: string
}

export interface AutomationPort {
  /** Loaded with the first job. */
  cron (): Promise<JobPort>
  wake (request: WakeRequest): Promise<{ readonly ok: true, readonly mode: WakeRequest['mode'], readonly runId?: string }>
}

export interface AutomationSources {
  readonly automation: () => AutomationPort
}
