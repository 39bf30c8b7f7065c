/** Rules about addresses and origins that a JSON type cannot say. */
import { BlockList, isIP } from 'node:net'

export const bindModes = ['auto', 'lan', 'loopback', 'custom', 'tailnet'] as const
export type BindMode = typeof bindModes[number]

const bindAliases: { [spelling: string]: BindMode } = {
  '0.0.0.0': 'lan', '*': 'lan', all: 'lan', '127.0.0.1': 'loopback', '::1': 'loopback', localhost: 'loopback', local: 'loopback', tailscale: 'tailnet'
}

/** One word per meaning: an address that names a mode becomes the mode, any other address stays itself. */
export const normalizeBind = (value: unknown): unknown =>
  typeof value === 'string' ? bindAliases[value.trim().toLowerCase()] ?? value.trim() : value

export const bindProblem = (value: unknown): string | undefined =>
  (bindModes as readonly unknown[]).includes(value) || isIP(value as string) > 0
    ? undefined
    : `one of ${bindModes.map(mode => `"${mode}"`).join(', ')}, or an IP address of this machine`

export const ipv4Problem = (value: unknown): string | undefined => isIP(value as string) === 4 ? undefined : 'an IPv4 address'

export function isAddressRange (value: unknown): boolean {
  if (typeof value !== 'string') return false
  const slash = value.indexOf('/')
  const address = slash < 0 ? value : value.slice(0, slash)
  const family = isIP(address)
  if (family === 0) return false
  if (slash < 0) return true
  const bits = value.slice(slash + 1)
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) return false
  new BlockList().addSubnet(address, Number(bits), family === 4 ? 'ipv4' : 'ipv6')
  return true
}

export const addressRangeProblem = (value: unknown): string | undefined =>
  isAddressRange(value) ? undefined : 'an IP address or a CIDR range'

const isOrigin = (entry: string): boolean => {
  if (entry === '*') return true
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+\/?$/i.test(entry)) return false
  return URL.canParse(entry)
}

export const originProblem = (value: unknown): string | undefined =>
  isOrigin(value as string) ? undefined : 'a full origin such as "https://ui.example.com", or "*"'

export const publicOriginProblem = (value: unknown): string | undefined => {
  const expected = 'an https:// origin (http:// only for this machine)'
  if (!isOrigin(value as string) || value === '*') return expected
  const { protocol, hostname } = new URL(value as string)
  const local = hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'))
  return protocol === 'https:' || (protocol === 'http:' && local) ? undefined : expected
}
