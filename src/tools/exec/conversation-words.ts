/** What somebody chose for the commands of one conversation. What a helper was begun in holds for the helper, too. */
import type { PolicyWords } from './exec-policy.ts'

const execHosts = ['auto', 'sandbox', 'gateway', 'node'] as const
/** A word that was stored when nobody looked at it is no place. */
export type ExecHost = typeof execHosts[number] | 'nowhere'

export interface ConversationWords {
  /** They can only make the rules stricter. */
  readonly layers: ReadonlyArray<Pick<PolicyWords, 'security' | 'ask'>>
  readonly host?: ExecHost
  readonly node?: string
}

export interface Conversation {
  readonly spawnedBy?: string
  readonly overrides?: { readonly [field: string]: unknown }
}

/** Deeper than any configuration lets helpers begin helpers. */
const maxGenerations = 32

type Known = ((sessionKey: string) => Conversation | undefined) | undefined

function lineage (sessionKey: string, get: Known): Array<NonNullable<Conversation['overrides']>> {
  const found = []
  let at = get?.(sessionKey)
  for (let depth = 0; at !== undefined && depth < maxGenerations; depth++) {
    found.push(at.overrides ?? {})
    at = at.spawnedBy === undefined ? undefined : get?.(at.spawnedBy)
  }
  return found
}

const textIn = (overrides: { readonly [field: string]: unknown }, field: string): string | undefined =>
  typeof overrides[field] === 'string' ? overrides[field] : undefined

const hostOf = (word: string | undefined): ExecHost | undefined =>
  word === undefined ? undefined : execHosts.find(known => known === word) ?? 'nowhere'

export function conversationWords (sessionKey: string, get: Known): ConversationWords {
  const all = lineage(sessionKey, get)
  const nearest = (field: string): string | undefined => all.map(overrides => textIn(overrides, field)).find(word => word !== undefined)
  const host = hostOf(nearest('execHost'))
  const node = nearest('execNode')
  const layers = all.map(overrides => {
    const security = textIn(overrides, 'execSecurity')
    const ask = textIn(overrides, 'execAsk')
    return { ...(security ? { security } : {}), ...(ask ? { ask } : {}) }
  })
  return { layers, ...(host ? { host } : {}), ...(node ? { node } : {}) }
}
