/** Which conversations a call may see and speak into. One answer for every tool about conversations. */
import { agentEntries } from '../../config/agent-entries.ts'
import type { Config } from '../../config/schema.ts'
import { parseKey } from '../../sessions/keys.ts'
import { sharesOwner } from '../../sessions/ownership.ts'
import type { SessionRecord } from '../../sessions/record.ts'
import { isSandboxed } from '../circumstances.ts'
import { normalName } from '../names.ts'
import { globMatches } from '../policy/patterns.ts'
import type { ToolContext } from '../tool.ts'
import type { SessionToolSources } from './ports.ts'

export type Scope = Config['tools']['sessions']['visibility']

export interface View {
  readonly scope: Scope
  /** Undefined when it may be reached; otherwise why not, and what would change that. */
  refusal (key: string): string | undefined
}

type Requester = Pick<ToolContext, 'sessionKey' | 'agentId' | 'isOwner'>

/** Nesting that is followed; deeper than any configuration allows. */
const maxDepth = 32

/** Is it a child of a child … of this session? */
export function descends (key: string, ancestor: string, get: (key: string) => SessionRecord | undefined): boolean {
  let at = get(key)?.spawnedBy
  for (let depth = 0; at !== undefined && depth < maxDepth; depth++) {
    if (at === ancestor) return true
    at = get(at)?.spawnedBy
  }
  return false
}

/** A sandboxed conversation sees what it began itself, unless the configuration says "all". */
function isConfined (config: Config, { agentId, sessionKey }: Requester): boolean {
  if (!isSandboxed(config, agentId, sessionKey)) return false
  const entry = agentEntries(config).find(({ id }) => normalName(id) === normalName(agentId))
  const own = entry?.sandbox as { sessionToolsVisibility?: unknown } | undefined
  const general = config.agents.defaults.sandbox as { sessionToolsVisibility?: unknown }
  return (own?.sessionToolsVisibility ?? general.sessionToolsVisibility) !== 'all'
}

/** Agents talk to each other when both take part, and whoever is answerable holds the gateway. */
function crossing (config: Config, { agentId, isOwner }: Requester, other: string): string | undefined {
  const { enabled, allow } = config.tools.agentToAgent
  if (!enabled) return 'agents do not reach each other here: tools.agentToAgent.enabled is false'
  const takesPart = (id: string): boolean => allow.some(pattern => globMatches(normalName(pattern), normalName(id)))
  const absent = [agentId, other].find(id => !takesPart(id))
  if (absent !== undefined) return `tools.agentToAgent.allow does not name agent "${absent}"`
  return isOwner === true ? undefined : 'only the owner of the gateway reaches the conversations of another agent'
}

export function viewOf (requester: Requester, { config, sessions }: Pick<SessionToolSources, 'config' | 'sessions'>): View {
  const { config: current } = config()
  const { sessionKey, agentId } = requester
  const confined = isConfined(current, requester)
  const wanted = current.tools.sessions.visibility
  const scope: Scope = confined && wanted !== 'self' ? 'tree' : wanted
  // The main conversation is where all others of its agent come together.
  const isRoot = !confined && parseKey(sessionKey).kind === 'main'

  return {
    scope,
    refusal (key) {
      if (key === sessionKey) return undefined
      // Whatever the configuration lets others see.
      if (!sharesOwner(sessionKey, key)) return 'it does not belong to the program that this conversation belongs to'
      const { agentId: owner } = parseKey(key)
      const isOwnChild = descends(key, sessionKey, known => sessions.get(known))
      if (scope === 'self') return 'tools.sessions.visibility is "self": only this very conversation can be reached'
      if (isOwnChild) return undefined
      if (sessions.get(key)?.incognito) return 'it is a conversation that leaves no trace'
      if (owner === agentId) {
        if (scope !== 'tree' || isRoot) return undefined
        return confined
          ? 'a sandboxed conversation reaches itself and what it began'
          : 'tools.sessions.visibility is "tree": this conversation reaches itself and what it began'
      }
      return scope === 'all' ? crossing(current, requester, owner) : `tools.sessions.visibility is "${scope}": other agents are out of reach`
    }
  }
}
