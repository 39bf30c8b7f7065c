import type { Usage } from '../protocol/transcript.ts'

/** What a session has used in its whole life, resets included. */
export interface Spent {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite: number
  readonly totalTokens: number
  readonly cost: number
  readonly user: number
  readonly assistant: number
  readonly toolCalls: number
  readonly toolResults: number
  readonly errors: number
  /** The newest days on which something was used, oldest first; bounded. */
  readonly days: readonly SpentDay[]
}

export interface SpentDay {
  readonly date: string
  readonly tokens: number
  readonly cost: number
  readonly messages: number
  /** Absent where nothing of the kind was used. */
  readonly input?: number
  readonly output?: number
  readonly cacheRead?: number
  readonly cacheWrite?: number
  /** Answers of models whose price nobody knows. */
  readonly unpriced?: number
}

/** What an agent began this session for, and how far that is. */
export interface SpawnFacts {
  readonly runId: string
  /** The beginning of it; all of it stands in the transcript. */
  readonly task: string
  readonly startedAtMs: number
  /** Whoever was answerable for the start holds the gateway. */
  readonly isOwner?: true
  readonly cleanup?: 'delete'
  readonly outcome?: 'ok' | 'error' | 'aborted' | 'timeout' | 'interrupted' | 'cancelled'
  readonly endedAtMs?: number
  readonly reason?: string
  /** What became of the report to whoever began it; absent: it is still owed. */
  readonly report?: 'delivered' | 'undeliverable' | 'unwanted'
}

export type SessionStatus = 'running' | 'done' | 'failed' | 'killed' | 'timeout'

/** The stored row of a session. Everything a list shows stands here, so that no transcript is opened for it. */
export interface SessionRecord {
  readonly key: string
  readonly agentId: string
  /** The generation of the transcript. */
  readonly sessionId: string
  readonly createdAt: number
  readonly createdVia: string
  /** The principal that has it for itself, an API key for one; absent: it belongs to the operators of the gateway. */
  readonly owner?: string
  readonly updatedAt: number
  readonly sessionStartedAt: number
  readonly lastInteractionAt?: number
  readonly lastActivityAt?: number
  readonly lastReadAt?: number
  readonly lifecycleRevision: number
  readonly status?: SessionStatus
  readonly startedAt?: number
  readonly endedAt?: number
  readonly lastRunId?: string
  readonly abortedLastRun?: boolean
  readonly label?: string
  readonly displayName?: string
  readonly category?: string
  readonly icon?: string
  readonly color?: string
  readonly pinned?: boolean
  readonly pinnedAt?: number
  readonly archived?: boolean
  readonly archivedAt?: number
  readonly archivedReason?: string
  readonly unread?: boolean
  readonly parentSessionKey?: string
  readonly spawnedBy?: string
  readonly spawnDepth?: number
  readonly spawn?: SpawnFacts
  readonly chatType?: string
  readonly channel?: string
  readonly lastChannel?: string
  readonly lastTo?: string
  readonly lastAccountId?: string
  readonly lastThreadId?: string
  readonly subject?: string
  readonly origin?: { readonly [field: string]: unknown }
  readonly deliveryContext?: { readonly [field: string]: unknown }
  /** Overrides that somebody chose for this session. */
  readonly modelOverride?: string
  readonly providerOverride?: string
  readonly thinkingLevel?: string
  readonly reasoningLevel?: string
  readonly verboseLevel?: string
  readonly permissionMode?: string
  readonly queueMode?: string
  readonly responseUsage?: string
  /** Further settings of this session, as the contract names them. */
  readonly overrides?: { readonly [field: string]: unknown }
  /** What ran last. */
  readonly modelProvider?: string
  readonly model?: string
  readonly contextTokens?: number
  readonly inputTokens?: number
  readonly outputTokens?: number
  /** The prompt side of the last call. */
  readonly totalTokens?: number
  readonly usage?: Usage
  readonly estimatedCostUsd?: number
  readonly spent?: Spent
  readonly runtimeMs?: number
  /** Message lines since the last reset. */
  readonly messageCount?: number
  /** Message lines that a model sees: since the last reset or compaction, kept ones included. */
  readonly contextMessages?: number
  readonly compactionCount?: number
  /** The place of the last line of this generation, and its id: where the next one goes. */
  readonly lastSeq?: number
  readonly leafId?: string
  /** What a model sees begins behind this place; the summary of what stood before is the line `compactionId`. */
  readonly contextSeq?: number
  readonly compactionId?: string
  /** Ids of earlier generations, oldest first; bounded. */
  readonly generations?: readonly string[]
  /** What the conversation seems to be about: the beginning of its first message. */
  readonly derivedTitle?: string
  readonly markedUnreadAt?: number
  /** The last visible text, cut short, for previews. */
  readonly preview?: ReadonlyArray<{ readonly role: string, readonly text: string }>
  /** Names under which clients know this session, echoed back unchanged. */
  readonly aliases?: readonly string[]
  /** Kept in memory only; nothing of it is written. */
  readonly incognito?: boolean
  /** Fields of plugins and of imported rows that we do not interpret. */
  readonly extra?: { readonly [field: string]: unknown }
}
