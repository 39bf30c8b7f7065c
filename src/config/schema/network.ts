/** Rules about addresses, hosts and origins that a JSON type cannot say. Read with the same eyes as the requests they are for. */
import { createCidrMatcher, isIpLiteral, isLoopbackHostname, parseHostHeader } from '../../lib/net-address.ts'
import { parseOrigin } from '../../lib/web-origin.ts'
import { parsePattern } from '../../lib/redact-patterns.ts'

export const bindModes = ['auto', 'lan', 'loopback', 'custom', 'tailnet'] as const
export type BindMode = typeof bindModes[number]

const bindAliases: { [spelling: string]: BindMode } = {
  '0.0.0.0': 'lan', '*': 'lan', all: 'lan', '127.0.0.1': 'loopback', '::1': 'loopback', localhost: 'loopback', local: 'loopback', tailscale: 'tailnet'
}

/** One word per meaning: an address that names a mode becomes the mode, any other address stays itself. */
export const normalizeBind = (value: unknown): unknown => {
  if (typeof value !== 'string') return value
  const word = value.trim().toLowerCase()
  return Object.hasOwn(bindAliases, word) ? bindAliases[word] : word
}

export const isBindMode = (value: unknown): value is BindMode => (bindModes as readonly unknown[]).includes(value)

export const bindProblem = (value: unknown): string | undefined =>
  isBindMode(value) || (isIpLiteral(value as string) && !(value as string).startsWith('['))
    ? undefined
    : `one of ${bindModes.map(mode => `"${mode}"`).join(', ')}, or an IP address of this machine`

export const ipv4Problem = (value: unknown): string | undefined =>
  isIpLiteral(value as string) && !(value as string).includes(':') ? undefined : 'an IPv4 address'

export const addressRangeProblem = (value: unknown): string | undefined => {
  try {
    createCidrMatcher([value as string])
    return undefined
  } catch {
    return 'an IP address or a CIDR range'
  }
}

export const originProblem = (value: unknown): string | undefined =>
  value === '*' || parseOrigin(value as string) ? undefined : 'a full origin such as "https://ui.example.com", or "*"'

export const publicOriginProblem = (value: unknown): string | undefined => {
  const origin = parseOrigin(value as string)
  return origin && (origin.scheme === 'https' || (origin.scheme === 'http' && isLoopbackHostname(origin.hostname)))
    ? undefined
    : 'an https:// origin (http:// only for this machine)'
}

export const hostNameProblem = (value: unknown): string | undefined => {
  const host = parseHostHeader(value as string)
  return host && host.port === undefined ? undefined : 'a host name without scheme and port'
}

export const patternProblem = (value: unknown): string | undefined =>
  parsePattern(value as string) ? undefined : 'a regular expression without nested repetition'
