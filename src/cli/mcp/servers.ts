/** `mcp.servers` as commands read and change it: the file, without asking any gateway. */
import { formatPath } from '../../config/path-syntax.ts'
import { redactConfig } from '../../config/redact.ts'
import { changeConfig, type ConfigOperation } from '../config-change.ts'
import type { CommandContext } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { loadLocalSettings, pathsOf } from '../local-settings.ts'

type Fields = { readonly [field: string]: unknown }

export interface ServersFile {
  readonly path: string
  /** As they stand in the file, by name. */
  readonly servers: { readonly [name: string]: Fields }
}

export interface ServerRow {
  readonly name: string
  readonly configured: true
  readonly enabled: boolean
  readonly ok: boolean
  readonly transport: string
  readonly launch: string
  readonly requestTimeoutMs: number
  readonly connectionTimeoutMs: number
  readonly toolFilter?: unknown
}

export const isObject = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

const place = (name: string): string => formatPath(['mcp', 'servers', name])

/** `shown`: with their credentials. */
export async function readServers (context: CommandContext, shown = false): Promise<ServersFile> {
  const { loaded, configPath } = await loadLocalSettings(context)
  const { servers } = (loaded.source as { mcp?: { servers?: unknown } }).mcp ?? {}
  const found = shown ? servers : redactConfig(servers, ['mcp', 'servers'])
  return { path: configPath, servers: isObject(found) ? found as ServersFile['servers'] : {} }
}

export function serverIn ({ servers, path }: ServersFile, name: string): Fields {
  if (Object.hasOwn(servers, name)) return servers[name]!
  throw new CommandFailure(`No MCP server named "${name}" in ${path}. Run openclaw mcp list to see configured servers.`, 'mcp_server_unknown')
}

/** Programs that others use say `type: "http"` for what is `transport: "streamable-http"` here. */
function normalized ({ type, transport, ...server }: Fields): Fields {
  const kind = transport ?? type
  return kind === undefined ? server : { ...server, transport: kind === 'http' ? 'streamable-http' : kind }
}

export function parseServer (name: string, given: string): Fields {
  if (name === '__proto__') throw new CommandFailure('No MCP server can have the name "__proto__": choose another one.')
  let value: unknown
  try {
    value = JSON.parse(given)
  } catch {
    // Said below, together with what is JSON but no object.
  }
  if (!isObject(value)) throw new CommandFailure('MCP server config must be a JSON object.')
  if (value.enabled !== false && value.command === undefined && value.url === undefined) {
    throw new CommandFailure('An MCP server needs a "command" (a program of this machine) or a "url".')
  }
  return normalized(value)
}

async function change (context: CommandContext, operation: ConfigOperation): Promise<string> {
  const { path } = await changeConfig([operation], { paths: pathsOf(context), env: context.io.env })
  return path
}

export const saveServer = (context: CommandContext, name: string, value: Fields): Promise<string> =>
  change(context, { kind: 'set', path: place(name), value })

export const removeServer = (context: CommandContext, name: string): Promise<string> => change(context, { kind: 'unset', path: place(name) })

const textOf = (value: unknown): string => typeof value === 'string' ? value : ''

/** What a command line carries for its server alone is not for screens. */
const quiet = (argument: string, before: string | undefined): string => /(?:token|key|secret|pass|auth)/i.test(before ?? '') && !argument.startsWith('-')
  ? '***'
  : argument.replace(/((?:token|key|secret|pass\w*|auth)\w*=).+/i, '$1***')

function launchOf ({ command, args, url }: Fields): string {
  if (command === undefined) return textOf(url).replace(/\/\/[^/@]*@/, '//***@').replace(/\?.*$/, '?…')
  const words = Array.isArray(args) ? args.map(String) : []
  return [textOf(command), ...words.map((word, index) => quiet(word, words[index - 1]))].join(' ')
}

export function rowOf (name: string, server: Fields): ServerRow {
  const { transport, type, url, command, enabled, requestTimeoutMs = 60_000, connectionTimeoutMs = 30_000, toolFilter } = server
  const kind = textOf(transport ?? type) || (url === undefined ? 'stdio' : 'streamable-http')
  return {
    name,
    configured: true,
    enabled: enabled !== false,
    ok: kind === 'stdio' ? textOf(command) !== '' : URL.canParse(textOf(url)),
    transport: kind === 'http' ? 'streamable-http' : kind,
    launch: launchOf(server),
    requestTimeoutMs: Number(requestTimeoutMs),
    connectionTimeoutMs: Number(connectionTimeoutMs),
    ...(toolFilter === undefined ? {} : { toolFilter })
  }
}

/** In the order of their names. */
export const sorted = ({ servers }: ServersFile): ReadonlyArray<readonly [name: string, server: Fields]> =>
  Object.entries(servers).sort(([a], [b]) => a.localeCompare(b))

export const noServers = (path: string): string =>
  `No MCP servers in ${path}. Add one with openclaw mcp set <name> '{"command":"uvx","args":["context7-mcp"]}'.`

export const reloadAdvice = 'A gateway that runs takes it up with openclaw mcp reload.'
