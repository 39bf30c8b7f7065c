import type { Usage } from '../../protocol/transcript.ts'

export type Used = Pick<Usage, 'totalTokens' | 'cost'>

/** What is left of a limited number of requests. */
export interface RequestsLeft {
  readonly limit: number
  readonly remaining: number
  /** Until all of them are there again. */
  readonly resetMs: number
}

/** An API key, as callers carry it: its rules are those of now, whoever changes them meanwhile. */
export interface CallerKey {
  readonly id: string
  readonly name: string
  /** Sees and touches only what was begun with it. */
  readonly ownSessionsOnly: boolean
  /** In lower case; absent: every agent. */
  readonly agents?: ReadonlySet<string>
  mayCall (method: string): boolean
  /** `route` is the pattern under which a route is registered, so that no spelling of an address gets past it. */
  mayEnter (httpMethod: string, route: string): boolean
  mayConnect (): boolean
  isInForce (): boolean
  /** Counts a request. Throws KEY_RATE_LIMITED when the minute has none left; undefined when they are not limited. */
  takeRequest (): RequestsLeft | undefined
  /** For work beside runs. Throws KEY_BUDGET_SPENT when the day has nothing left. */
  mayUseMore (): void
  /** What such work has used. */
  charge (used: Used): void
  /** Called once, when the key (or the secret of it that opened this) ends before what it opened. Returns how to forget it. */
  whenEnded (listener: () => void, tokenHash?: string): () => void
}

/** Whose a conversation is, when it is the key's: the name that stands on its row. */
export const principalOfKey = (id: string): string => `key:${id}`

export const keyOfPrincipal = (principal = ''): string | undefined => principal.startsWith('key:') ? principal.slice(4) : undefined

/**
 * Under which id a run of this caller goes. That of a key that sees only its own has its name in it: what id it gets must not tell
 * whether somebody else has chosen the same.
 */
export const runIdFor = (key: CallerKey | undefined, runId: string): string =>
  key?.ownSessionsOnly && !runId.startsWith(`${key.id}.`) ? `${key.id}.${runId}` : runId
