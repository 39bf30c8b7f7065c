/** MCP servers of the configuration as tools. Nothing of them is loaded before somebody needs one. */
import type { LoadedConfig } from '../../config/load.ts'
import type { ToolRegistry } from '../registry.ts'
import type { Tool } from '../tool.ts'
import type { McpRoom, ServerStatus } from './room.ts'
import { separator } from './names.ts'

export interface McpLog {
  info (fields: object, message: string): void
  warn (fields: object, message: string): void
}

export interface McpSources {
  readonly config: () => LoadedConfig
  /** Of the gateway: a few names of it are handed on to servers. */
  readonly env: { readonly [name: string]: string | undefined }
  readonly version: string
  readonly now: () => number
  readonly log: McpLog
  readonly redact: (text: string) => string
}

export interface McpOptions extends McpSources {
  readonly registry: () => Promise<ToolRegistry>
}

export interface Mcp {
  /** Resolves when the wanted servers have said what they have, have failed, or have been given time enough. Never rejects. */
  prepare (isWanted: (tool: Tool) => boolean): Promise<void>
  /** The same for the one server that a tool of this name can come from. */
  prepareFor (toolName: string, isWanted: (tool: Tool) => boolean): Promise<void>
  /** `probe`: after opening them, also those that failed just now. */
  status (probe?: { readonly server?: string }): Promise<ServerStatus[]>
  /** The configuration has changed: what it no longer has is ended. */
  reconcile (): Promise<void>
  close (): Promise<void>
}

export function createMcp (options: McpOptions): Mcp {
  let room: Promise<McpRoom> | undefined
  let isClosed = false

  const hasServers = (): boolean => Object.keys(options.config().config.mcp.servers).length > 0

  async function open (): Promise<McpRoom> {
    const [{ createRoom }, registry] = await Promise.all([import('./room.ts'), options.registry()])
    return createRoom({ ...options, registry })
  }

  /** Undefined: there are no servers, and there were none. */
  function entered (): Promise<McpRoom> | undefined {
    if (isClosed || (!room && !hasServers())) return undefined
    room ??= open()
    return room
  }

  return {
    async prepare (isWanted) { await (await entered())?.prepare(isWanted) },
    async prepareFor (toolName, isWanted) { if (toolName.includes(separator)) await (await entered())?.prepareFor(toolName, isWanted) },
    status: async probe => await (await entered())?.status(probe) ?? [],
    async reconcile () { await (await room)?.reconcile() },
    async close () {
      isClosed = true
      await (await room)?.close()
    }
  }
}
