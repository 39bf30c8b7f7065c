/** All servers of the configuration, and their tools in the registry. */
import { haveSecretsChanged } from '../../config/secret-values.ts'
import type { SecretValues } from '../../config/secrets.ts'
import { normalName } from '../names.ts'
import type { ToolRegistry } from '../registry.ts'
import type { Tool } from '../tool.ts'
import type { ForeignTool } from './connection.ts'
import { sampleOf, toolsOf } from './declare.ts'
import type { McpSources } from './mcp.ts'
import { separator } from './names.ts'
import { createServer, type McpServer, type ServerState } from './server.ts'
import { readServers, type ServerSettings, type TransportKind } from './settings.ts'

export interface ServerStatus {
  readonly name: string
  readonly transport: TransportKind
  readonly state: ServerState
  readonly tools: readonly string[]
  readonly lastError?: string
  readonly failures: number
  readonly pid?: number
  readonly serverName?: string
  readonly serverVersion?: string
  readonly retryAtMs?: number
}

export interface McpRoom {
  prepare (isWanted: (tool: Tool) => boolean): Promise<void>
  prepareFor (toolName: string, isWanted: (tool: Tool) => boolean): Promise<void>
  status (probe?: { readonly server?: string }): Promise<ServerStatus[]>
  reconcile (): Promise<void>
  close (): Promise<void>
}

export interface McpRoomOptions extends McpSources {
  readonly registry: ToolRegistry
}

interface Member {
  readonly server: McpServer
  /** In the registry. */
  names: readonly string[]
  /** What they were made of. */
  made: string
}

export function createRoom (options: McpRoomOptions): McpRoom {
  const { registry, log, config } = options
  const members = new Map<string, Member>()
  let read: object | undefined
  let secrets: SecretValues | undefined
  /** Servers that are on their way out. */
  const leaving = new Set<Promise<void>>()

  function publish (settings: ServerSettings, found: readonly ForeignTool[]): void {
    const member = members.get(settings.name)
    const made = JSON.stringify(found)
    if (!member || member.made === made) return
    registry.remove(member.names)
    const tools = toolsOf(settings, found, (tool, args, context) => {
      const server = members.get(settings.name)?.server
      return server ? server.call(tool, args, context) : undefined
    })
    const refused = new Set(registry.add(tools))
    if (refused.size > 0) log.warn({ server: settings.name, tools: [...refused].slice(0, 20) }, 'tools of an MCP server have names that others have')
    member.names = tools.map(({ name }) => name).filter(name => !refused.has(name))
    member.made = made
  }

  function dismiss (name: string, { server, names }: Member): void {
    members.delete(name)
    registry.remove(names)
    const gone = server.close().catch((err: unknown) => log.warn({ err, server: name }, 'an MCP server could not be ended')).then(() => { leaving.delete(gone) })
    leaving.add(gone)
  }

  function admit (settings: ServerSettings): void {
    const server = createServer({
      ...options,
      settings,
      idleMs: () => Math.floor(config().config.mcp.sessionIdleTtlMs),
      onTools: found => publish(settings, found)
    })
    members.set(settings.name, { server, names: [], made: '' })
  }

  /** Servers whose entry is as it was keep their connections and their tools. */
  function look (): void {
    const loaded = config()
    if (read === loaded) return
    read = loaded
    const wanted = new Map(readServers(loaded.config).map(settings => [settings.name, settings]))
    for (const [name, member] of members) {
      const isSame = wanted.get(name)?.fingerprint === member.server.settings.fingerprint
      if (!isSame || haveSecretsChanged(member.server.settings.entry, secrets, loaded.secretValues)) dismiss(name, member)
    }
    for (const [name, settings] of wanted) if (!members.has(name)) admit(settings)
    secrets = loaded.secretValues
  }

  /** All at the same time: none waits for another. */
  async function settled (isChosen: (settings: ServerSettings) => boolean): Promise<void> {
    look()
    const chosen = [...members.values()].filter(({ server }) => isChosen(server.settings))
    await Promise.all(chosen.map(({ server }) => server.settled()))
  }

  function statusOf ({ server, names }: Member): ServerStatus {
    const { settings: { name, transport }, state, lastError, facts } = server
    return { name, transport, state, tools: names, ...(lastError === undefined ? {} : { lastError }), ...facts }
  }

  return {
    prepare: async isWanted => await settled(settings => isWanted(sampleOf(settings))),
    async prepareFor (toolName, isWanted) {
      const name = normalName(toolName)
      await settled(settings => name.startsWith(`${settings.prefix}${separator}`) && isWanted(sampleOf(settings)))
    },
    async status (probe) {
      look()
      const chosen = [...members.values()].filter(({ server }) => probe?.server === undefined || server.settings.name === probe.server)
      if (probe) await Promise.all(chosen.map(({ server }) => server.open(true).catch(() => {})))
      return chosen.map(statusOf)
    },
    async reconcile () {
      look()
      await Promise.all(leaving)
    },
    async close () {
      for (const [name, member] of members) dismiss(name, member)
      await Promise.all(leaving)
    }
  }
}
