/** `agents.list[]` and `agents.entries{}` are two spellings of one thing. */
import type { Config } from './schema.ts'

export type AgentEntry = Config['agents']['entries'][string] & { id: string }

/** Agents by id in the order of the file; what both spellings name is merged, `entries` winning. Without any there is `main`. */
export function agentEntries (config: Pick<Config, 'agents'>): AgentEntry[] {
  const byId = new Map<string, AgentEntry>()
  for (const entry of config.agents.list) {
    if (entry.id !== undefined) byId.set(entry.id, { ...byId.get(entry.id), ...entry, id: entry.id })
  }
  for (const [id, entry] of Object.entries(config.agents.entries)) byId.set(id, { ...byId.get(id), ...entry, id })
  return byId.size === 0 ? [{ id: 'main', default: true }] : [...byId.values()]
}

/** With several agents, none of them marked, `ownership: "explicit"` means that whoever names no agent means none. */
export function mustNameAgent ({ agents }: Pick<Config, 'agents'>): boolean {
  const entries = agentEntries({ agents })
  return agents.ownership === 'explicit' && entries.length > 1 && !entries.some(entry => entry.default === true)
}

/** The agent that is meant when none is named: the one marked as default, else `main`, else the first. */
export function defaultAgentId (config: Pick<Config, 'agents'>): string {
  const entries = agentEntries(config)
  const chosen = entries.find(entry => entry.default === true) ?? entries.find(entry => entry.id === 'main') ?? entries[0]
  return (chosen as AgentEntry).id
}

/** One agent, however its id is written, without looking at what the others are. */
export function agentEntry (config: Pick<Config, 'agents'>, agentId: string): AgentEntry | undefined {
  const { list, entries } = config.agents
  const wanted = agentId.toLowerCase()
  const name = Object.hasOwn(entries, agentId) ? agentId : Object.keys(entries).find(key => key.toLowerCase() === wanted)
  const listed = list.filter(entry => entry.id?.toLowerCase() === wanted)
  if (name === undefined && listed.length === 0) {
    return wanted === 'main' && list.length === 0 && Object.keys(entries).length === 0 ? { id: 'main', default: true } : undefined
  }
  return Object.assign({}, ...listed, name === undefined ? undefined : entries[name], { id: name ?? listed.at(-1)?.id }) as AgentEntry
}
