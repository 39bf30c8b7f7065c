/** The room of MCP servers over a configuration, with a registry of its own, and calls as a run makes them. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { loadConfig, type LoadedConfig } from '../../../src/config/load.ts'
import { resolvePaths } from '../../../src/config/paths.ts'
import { createRedactor } from '../../../src/lib/redact.ts'
import { createMcp, type Mcp } from '../../../src/tools/mcp/mcp.ts'
import { createRegistry, type ToolRegistry } from '../../../src/tools/registry.ts'
import type { Tool, ToolContext, ToolResult } from '../../../src/tools/tool.ts'
import { ownDirectory } from '../../fixtures/own-directory.ts'

const stdioServer = fileURLToPath(new URL('../../fixtures/mcp/stdio-server.ts', import.meta.url))

/** The sample server on this machine. */
export const sample = (manner = 'well', more: object = {}): object => ({ command: process.execPath, args: [stdioServer, manner], ...more })

export interface Scene {
  readonly mcp: Mcp
  readonly registry: ToolRegistry
  readonly log: string[]
  readonly directory: string
  /** In milliseconds; stands still. */
  readonly clock: { now: number }
  /** Other servers from now on. */
  configure (servers: object, more?: object): Promise<void>
  names (): string[]
  find (name: string): Tool
  call (name: string, args?: object, more?: Partial<ToolContext>): Promise<ToolResult>
  /** Lines of a file in the directory. */
  lines (file: string): string[]
}

export const textOf = ({ content }: ToolResult): string => content.map(part => part.type === 'text' ? part.text : `[${part.type}]`).join('\n')

export interface SceneOptions {
  readonly env?: { readonly [name: string]: string }
  readonly builtin?: readonly Tool[]
  /** Beside `servers`. */
  readonly section?: object
}

export async function scene (
  t: Test, servers: object | ((directory: string) => object), { env: given = {}, builtin = [], section = {} }: SceneOptions = {}
): Promise<Scene> {
  const directory = ownDirectory(t)
  const env = { PATH: process.env['PATH'], HOME: directory, OPENCLAW_STATE_DIR: directory, OPENAI_API_KEY: 'sk-of-the-gateway', ...given }
  const log: string[] = []
  const clock = { now: 1_000_000 }
  const read = async (map: object, more: object): Promise<LoadedConfig> => await loadConfig({
    paths: resolvePaths({ env }), env, text: JSON.stringify({ gateway: { mode: 'local' }, mcp: { servers: map, ...more } })
  })
  let config = await read(typeof servers === 'function' ? servers(directory) : servers, section)
  const registry = createRegistry(builtin)
  const note = (fields: object, message: string): void => { log.push(`${message} ${JSON.stringify(fields)}`) }
  const mcp = createMcp({
    config: () => config,
    env,
    version: '0.0.0-test',
    now: () => clock.now,
    log: { info: note, warn: note },
    redact: createRedactor().redactText,
    registry: async () => registry
  })
  t.teardown(() => mcp.close())
  const find = (name: string): Tool => {
    const tool = registry.find(name)
    if (!tool) throw new Error(`no tool ${name}; there are ${registry.all().map(known => known.name).join(', ')}`)
    return tool
  }
  return {
    mcp,
    registry,
    log,
    directory,
    clock,
    async configure (map, more = section) {
      config = await read(map, more)
      await mcp.reconcile()
    },
    names: () => registry.all().map(({ name }) => name),
    find,
    async call (name, args = {}, more = {}) {
      const signal = new AbortController().signal
      return await find(name).run(args as {}, { sessionKey: 'agent:main:main', agentId: 'main', callId: 'c1', signal, update () {}, ...more })
    },
    lines: file => existsSync(join(directory, file)) ? readFileSync(join(directory, file), 'utf8').trim().split('\n') : []
  }
}

export const anything = (): boolean => true
