/**
 * Whose a conversation is. Most belong to the operators of the gateway. What a program with an API key of its own begins has a key
 * with its name in it, so two programs that choose the same name never meet, and nobody can take the place of a person's conversation.
 */
import type { Caller } from '../auth/caller.ts'
import { keyOfPrincipal, principalOfKey, type CallerKey } from '../auth/keys/caller-key.ts'
import type { SessionRecord } from './record.ts'

/** Who looks. Without an API key it is an operator, whose rights the scopes decide. */
export type Viewer = Pick<Caller, 'key'>

const ownPart = /^(agent:[^:]*):key:([a-z0-9]+):./

/** The principal that a key was made for; undefined: nobody's in particular. */
export function ownerOfKey (sessionKey: string): string | undefined {
  const id = ownPart.exec(sessionKey)?.[2]
  return id === undefined ? undefined : principalOfKey(id)
}

/** The canonical key under which this caller's conversation of that name is kept. */
export function ownKey (sessionKey: string, keyId: string): string {
  if (ownerOfKey(sessionKey) === principalOfKey(keyId)) return sessionKey
  return sessionKey.toLowerCase().replace(/^agent:[^:]*:/, agent => `${agent}key:${keyId}:`)
}

/** The main conversation of a key, with the agent that answers when none is named. */
export function ownMain ({ id, ownSessionsOnly, agents }: CallerKey, defaultAgentId: string): { agentId: string, key: string } {
  const agentId = !agents || agents.has(defaultAgentId) ? defaultAgentId : [...agents][0]!
  const main = `agent:${agentId}:main`
  return { agentId, key: ownSessionsOnly ? ownKey(main, id) : main }
}

/** Sees less than every conversation. */
export const isConfined = (key: Viewer['key']): key is CallerKey => key !== undefined && (key.ownSessionsOnly || key.agents !== undefined)

/** A conversation that another one begins belongs to the same principal, and its key says so, too. */
export function keyBeside (parentKey: string, sessionKey: string): string {
  const id = keyOfPrincipal(ownerOfKey(parentKey))
  return id === undefined ? sessionKey : ownKey(sessionKey, id)
}

/** Does who works in the one conversation meet what the other one has? An agent of the operators meets everything. */
export const sharesOwner = (sessionKey: string, other: string): boolean =>
  ownerOfKey(sessionKey) === undefined || ownerOfKey(sessionKey) === ownerOfKey(other)

/** Of a conversation that may not be there yet, or any more. */
export function maySeeKey (viewer: Viewer, sessionKey: string, get: (key: string) => SessionRecord | undefined): boolean {
  return maySee(viewer, get(sessionKey) ?? { key: sessionKey, agentId: sessionKey.split(':')[1] ?? '' })
}

/** The one decision about who sees a conversation, for methods, routes, events and tools. */
export function maySee ({ key }: Viewer, { key: sessionKey, agentId, owner }: Pick<SessionRecord, 'key' | 'agentId' | 'owner'>): boolean {
  if (!key) return true
  if (key.agents && !key.agents.has(agentId)) return false
  return !key.ownSessionsOnly || (owner ?? ownerOfKey(sessionKey)) === principalOfKey(key.id)
}
