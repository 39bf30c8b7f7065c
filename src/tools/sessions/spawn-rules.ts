/** May this conversation begin a helper now, and with what? */
import { agentEntries, type AgentEntry } from '../../config/agent-entries.ts'
import type { Config } from '../../config/schema.ts'
import type { SessionRecord } from '../../sessions/record.ts'
import { isSandboxed } from '../circumstances.ts'
import { normalName } from '../names.ts'
import type { ToolContext } from '../tool.ts'
import { depthOf } from './fields.ts'

type Limits = Config['agents']['defaults']['subagents']

const entryOf = (config: Config, agentId: string): AgentEntry | undefined =>
  agentEntries(config).find(({ id }) => normalName(id) === normalName(agentId))

/** What an agent says of its helpers stands before what holds for all. */
export function limitsOf (config: Config, agentId: string): Limits {
  const own = Object.fromEntries(Object.entries(entryOf(config, agentId)?.subagents ?? {}).filter(([, value]) => value !== undefined))
  return { ...config.agents.defaults.subagents, ...own }
}

/** Agents that this one may begin; `any`: all there are. */
export function spawnTargets (config: Config, agentId: string): { readonly any: boolean, readonly ids: ReadonlySet<string> } {
  const { allowAgents } = limitsOf(config, agentId)
  const ids = (allowAgents ?? []).map(normalName)
  return { any: ids.includes('*'), ids: new Set([normalName(agentId), ...ids]) }
}

export interface SpawnQuestion {
  readonly config: Config
  readonly context: Pick<ToolContext, 'sessionKey' | 'agentId'>
  readonly requester: SessionRecord | undefined
  readonly agentId: string
  readonly childKey: string
  /** Helpers of this conversation that are at work. */
  readonly active: number
}

/** Undefined when nothing stands against it; otherwise what does. */
export function spawnRefusal ({ config, context, requester, agentId, childKey, active }: SpawnQuestion): string | undefined {
  const { maxSpawnDepth, maxChildrenPerAgent } = limitsOf(config, context.agentId)
  const targets = spawnTargets(config, context.agentId)
  if (!targets.any && !targets.ids.has(normalName(agentId))) {
    return `agent "${context.agentId}" may not begin agent "${agentId}": subagents.allowAgents does not name it (agents_list shows who may)`
  }
  const depth = depthOf(requester ?? { key: context.sessionKey })
  if (depth >= maxSpawnDepth) return `subagents.maxSpawnDepth is ${maxSpawnDepth}, and this conversation is at depth ${depth}`
  if (active >= maxChildrenPerAgent) return `subagents.maxChildrenPerAgent is ${maxChildrenPerAgent}, and as many are at work; wait for one (subagents wait) or cancel one`
  const isEscape = isSandboxed(config, context.agentId, context.sessionKey) && !isSandboxed(config, agentId, childKey)
  return isEscape ? `a sandboxed conversation begins no helper outside the sandbox; set the sandbox mode of agent "${agentId}"` : undefined
}
