/** What the audit log keeps: who did what, to what, and how it went. Never what was said, and never a secret. */

export const actKinds = ['auth', 'pairing', 'config', 'key', 'tool', 'run', 'session', 'admin', 'gateway', 'audit'] as const
export type ActKind = typeof actKinds[number]

export const actOutcomes = ['ok', 'refused', 'failed', 'started', 'aborted', 'timeout'] as const
export type ActOutcome = typeof actOutcomes[number]

export interface Actor {
  readonly principal: string
  /** What it proved itself with. */
  readonly method?: string
  readonly role?: string
  readonly address?: string
  readonly client?: string
  readonly user?: string
}

export type Fact = string | number | boolean | readonly string[]

export interface Act {
  readonly kind: ActKind
  /** A method of the wire, or a name of the same form: `connect`, `keys.create`, `tool.finished`. */
  readonly act: string
  readonly outcome: ActOutcome
  readonly actor?: Actor
  /** The code of the refusal. */
  readonly code?: string
  /** Names and numbers of what it was about. */
  readonly about?: { readonly [fact: string]: Fact | undefined }
  /** What strangers can do as often as they like: the same again within a minute is counted, not written. */
  readonly repeats?: string
}

/** One line of the log. */
export interface AuditEntry {
  readonly seq: number
  /** ISO 8601, UTC. */
  readonly at: string
  readonly kind: ActKind
  readonly act: string
  readonly outcome: ActOutcome
  readonly actor?: Actor
  readonly code?: string
  readonly about?: { readonly [fact: string]: Fact }
  /** The hash of the line before. */
  readonly prev: string
  readonly hash: string
}

/** The one port through which every room tells. Never throws and makes nobody wait. */
export interface Told {
  /**
   * `always`: also while the log is switched off, for the act of switching it. `later`: together with the next act, so that a start
   * does not load what writes.
   */
  told (act: Act, how?: { readonly always?: true, readonly later?: true }): void
}

export interface AuditPage {
  readonly kinds?: readonly ActKind[]
  /** The beginning of the name of the act; of one of several. */
  readonly act?: string
  readonly acts?: readonly string[]
  readonly outcome?: ActOutcome
  readonly principal?: string
  readonly afterMs?: number
  readonly beforeMs?: number
  /** Whose facts have these values. */
  readonly about?: { readonly [fact: string]: string }
  readonly limit: number
  /** Newest first: only what is older than this entry. Oldest first: only what is newer. */
  readonly cursor?: number
  readonly order?: 'newest' | 'oldest'
}

export interface AuditPageResult {
  readonly entries: readonly AuditEntry[]
  /** There may be more: ask with this cursor. */
  readonly next?: number
}

export interface AuditProblem {
  readonly file: string
  readonly seq?: number
  readonly problem: string
}

export interface AuditReport {
  readonly ok: boolean
  readonly entries: number
  readonly first?: number
  readonly last?: number
  /** `seq:hash` of the last entry. Whoever keeps it elsewhere can prove later that nothing before it was changed. */
  readonly head?: string
  readonly problems: readonly AuditProblem[]
}

export interface AuditFacts {
  readonly enabled: boolean
  readonly written: number
  readonly waiting: number
  /** Acts that found no room while the disk did not take them. They are counted in the log as soon as it does. */
  readonly dropped: number
  readonly failing: boolean
}

/** What an operator looks at now and then. */
export interface AuditStanding extends AuditFacts {
  readonly entries: number
  /** `seq:hash` of the last entry on the disk; undefined when there is none, or when the head cannot be read. */
  readonly head?: string
  /** What the last proof in this life of the gateway said. */
  readonly verified?: { readonly atMs: number, readonly ok: boolean, readonly entries: number }
}
