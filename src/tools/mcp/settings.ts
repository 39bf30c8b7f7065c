/** What `mcp.servers` says, one entry after the other: what an entry cannot mean costs that server and no other. */
import type { Config } from '../../config/schema.ts'
import { classifyAddress } from '../../lib/outbound/address-class.ts'
import { prefixesOf } from './names.ts'

export type Entry = Config['mcp']['servers'][string]

/** `http`: streamable HTTP, and the older transport where a server does not know it. */
export type TransportKind = 'stdio' | 'http' | 'streamable-http' | 'sse'

export interface ServerSettings {
  readonly name: string
  /** Before the names of its tools. */
  readonly prefix: string
  readonly transport: TransportKind
  readonly entry: Entry
  readonly connectionTimeoutMs: number
  readonly requestTimeoutMs: number
  /** Why it cannot be used. */
  readonly problem?: string
  /** Another text when anything about it has changed. */
  readonly fingerprint: string
}

const spellings: { readonly [given: string]: TransportKind } = {
  stdio: 'stdio', sse: 'sse', 'streamable-http': 'streamable-http', streamableHttp: 'streamable-http', http: 'streamable-http'
}

function transportOf ({ transport, type, url }: Entry): TransportKind {
  const given = transport ?? type
  return given === undefined ? (url === undefined ? 'stdio' : 'http') : spellings[given] ?? 'stdio'
}

/** The operator chose the address, so own networks are fine; where machines keep their credentials no server of tools lives. */
function urlProblem (given: string | undefined, at: string): string | undefined {
  if (given === undefined) return `${at}.url is missing`
  const url = URL.parse(given)
  if (!url || !/^https?:$/.test(url.protocol)) return `${at}.url is no http or https address`
  if (url.username || url.password) return `${at}.url must not contain a user or password: set ${at}.headers`
  const kind = classifyAddress(url.hostname.replace(/^\[|\]$/g, ''))
  if (kind === 'metadata' || kind === 'link-local') return `${at}.url is an address where no server of tools is`
  return undefined
}

function problemOf (name: string, entry: Entry, transport: TransportKind): string | undefined {
  const at = `mcp.servers.${name}`
  if (entry.auth === 'oauth') return `${at}.auth: signing in by OAuth is not supported; set ${at}.headers.Authorization`
  if (transport !== 'stdio') return urlProblem(entry.url, at)
  return entry.command === undefined ? `${at} needs a command or a url` : undefined
}

/** Those that are switched on, in the order of the file. */
export function readServers (config: Config): ServerSettings[] {
  const entries = Object.entries(config.mcp.servers).filter(([, entry]) => entry.enabled !== false)
  const prefixes = prefixesOf(entries.map(([name]) => name))
  return entries.map(([name, entry]) => {
    const transport = transportOf(entry)
    const problem = problemOf(name, entry, transport)
    return {
      name,
      prefix: prefixes.get(name)!,
      transport,
      entry,
      connectionTimeoutMs: entry.connectionTimeoutMs,
      requestTimeoutMs: entry.requestTimeoutMs,
      ...(problem === undefined ? {} : { problem }),
      fingerprint: JSON.stringify([name, prefixes.get(name), entry])
    }
  })
}
