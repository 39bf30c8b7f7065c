/** Tools in the shapes of the contract. */
import type { Config } from '../config/schema.ts'
import { agentEntries } from '../config/agent-entries.ts'
import { named } from '../tools/names.ts'
import { allowingEntry } from '../tools/policy/patterns.ts'
import { profileNames, profiles } from '../tools/policy/profiles.ts'
import type { CapabilityClass, Tool } from '../tools/tool.ts'

const risks: { readonly [capability in CapabilityClass]: 'low' | 'medium' | 'high' } = {
  'session.read': 'low',
  'session.write': 'medium',
  'file.read': 'medium',
  'file.write': 'high',
  exec: 'high',
  net: 'medium',
  'memory.read': 'low',
  message: 'medium',
  automation: 'high',
  node: 'high',
  gateway: 'high',
  media: 'low',
  outside: 'medium'
}

const groupLabels: { readonly [group: string]: string } = {
  fs: 'Files',
  runtime: 'Runtime',
  web: 'Web',
  memory: 'Memory',
  sessions: 'Sessions',
  ui: 'UI',
  messaging: 'Messaging',
  automation: 'Automation',
  nodes: 'Nodes',
  agents: 'Agents',
  media: 'Media'
}

const labelOf = (name: string): string =>
  name.split(/[_-]+/).filter(Boolean).map(word => word[0]!.toUpperCase() + word.slice(1)).join(' ') || name

const firstSentence = (description: string): string => description.split(/(?<=\.)\s/, 1)[0]!

const common = ({ name, description, capability }: Tool) => ({
  id: name, label: labelOf(name), description: firstSentence(description), risk: risks[capability], tags: [capability]
})

/** What MCP servers offer goes under one name, as in the rules. */
const pluginOf = ({ origin }: Tool): string | undefined => origin && (origin.kind === 'mcp' ? 'bundle-mcp' : origin.id)

function catalogEntry (tool: Tool): object {
  const pluginId = pluginOf(tool)
  return {
    ...common(tool),
    source: pluginId === undefined ? 'core' : 'plugin',
    ...(pluginId === undefined ? {} : { pluginId }),
    // Every tool is in "full", which says nothing about it.
    defaultProfiles: profileNames.filter(name => name !== 'full' && allowingEntry(named(tool), profiles[name]) !== undefined)
  }
}

export function catalogOf (agentId: string, tools: readonly Tool[], includePlugins: boolean): object {
  const groups = new Map<string, Tool[]>()
  for (const tool of tools) {
    const plugin = pluginOf(tool)
    if (plugin !== undefined && !includePlugins) continue
    const id = plugin === undefined ? tool.groups[0] ?? 'other' : `plugin:${plugin}`
    const members = groups.get(id)
    if (members) members.push(tool)
    else groups.set(id, [tool])
  }
  return {
    agentId,
    profiles: profileNames.map(id => ({ id, label: labelOf(id) })),
    groups: [...groups].map(([id, members]) => {
      const pluginId = pluginOf(members[0]!)
      return {
        id,
        label: pluginId ?? groupLabels[id] ?? labelOf(id),
        source: pluginId === undefined ? 'core' : 'plugin',
        ...(pluginId === undefined ? {} : { pluginId }),
        tools: members.map(catalogEntry)
      }
    })
  }
}

function effectiveEntry (tool: Tool): object {
  const { origin, description } = tool
  return {
    ...common(tool),
    rawDescription: description,
    source: origin?.kind ?? 'core',
    ...(origin?.kind === 'plugin' ? { pluginId: origin.id } : {}),
    ...(origin?.kind === 'channel' ? { channelId: origin.id } : {}),
    ...(origin?.kind === 'mcp' ? { mcpServer: origin.id, mcpToolName: origin.toolName ?? tool.name } : {})
  }
}

const sources = { core: 'Built-in tools', plugin: 'Plugins', channel: 'Channels', mcp: 'MCP servers' } as const

export function effectiveOf (agentId: string, config: Config, tools: readonly Tool[]): object {
  const own = agentEntries(config).find(({ id }) => id.toLowerCase() === agentId)?.tools?.profile
  return {
    agentId,
    profile: own ?? config.tools.profile,
    groups: Object.entries(sources).map(([id, label]) => {
      const members = tools.filter(({ origin }) => (origin?.kind ?? 'core') === id)
      return { id, label, source: id, tools: members.map(effectiveEntry) }
    }).filter(group => group.tools.length > 0)
  }
}
