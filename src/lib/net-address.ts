import { formatIp, parseIp, parseIpv6, type IpAddress } from './ip-address.ts'

const longestWithDecoration = 128

/** Takes `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]`, `[::1]:80` and `fe80::1%eth0`; port, brackets and zone say nothing about who it is. */
function parseAddress (raw: string | undefined): IpAddress | undefined {
  if (raw === undefined || raw.length > longestWithDecoration) return undefined
  const text = raw.trim()
  const decorated = /^\[([^\]]*)\](?::(\d{1,5}))?$/.exec(text) ?? /^([\d.]+):(\d{1,5})$/.exec(text)
  if (Number(decorated?.[2] ?? 0) > 65_535) return undefined
  const bare = decorated?.[1] ?? text
  const zone = bare.indexOf('%')
  if (zone < 0) return parseIp(bare)
  return bare.includes(':') && zone < bare.length - 1 ? parseIp(bare.slice(0, zone)) : undefined
}

/** The one spelling of an address: lower case, shortest form, IPv4-mapped IPv6 as IPv4. Undefined when it is not an address. */
export function normalizeAddress (raw: string | undefined): string | undefined {
  const address = parseAddress(raw)
  return address && formatIp(address)
}

const inIpv4 = (value: number, base: number, bits: number): boolean => (value >>> (32 - bits)) === (base >>> (32 - bits))

export function isLoopbackAddress (raw: string | undefined): boolean {
  const address = parseAddress(raw)
  if (!address) return false
  if (address.family === 4) return inIpv4(address.value, 0x7f000000, 8)
  return address.groups.every((group, index) => group === (index === 7 ? 1 : 0))
}

/** RFC 1918, link-local and carrier-grade NAT. */
const privateIpv4: ReadonlyArray<readonly [base: number, bits: number]> =
  [[0x0a000000, 8], [0xac100000, 12], [0xc0a80000, 16], [0xa9fe0000, 16], [0x64400000, 10]]

/** Addresses that are somebody's own network. Loopback is not among them: it is narrower and has rules of its own. */
export function isPrivateAddress (raw: string | undefined): boolean {
  const address = parseAddress(raw)
  if (!address) return false
  if (address.family === 4) return privateIpv4.some(([base, bits]) => inIpv4(address.value, base, bits))
  const first = address.groups[0] ?? 0
  return (first & 0xfe00) === 0xfc00 || (first & 0xffc0) === 0xfe80
}

/** Whoever has one IPv6 address has a whole /64 of them, so that is what counts as one sender. */
export function addressGroup (raw: string | undefined): string {
  const address = parseAddress(raw)
  if (!address) return 'unknown'
  if (address.family === 4) return formatIp(address)
  return `${formatIp({ family: 6, groups: [...address.groups.slice(0, 4), 0, 0, 0, 0] })}/64`
}

type Range =
  | { readonly family: 4, readonly base: number, readonly bits: number }
  | { readonly family: 6, readonly base: readonly number[], readonly bits: number }

function parseRange (entry: string): Range | undefined {
  const match = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(entry.trim())
  const text = match?.[1] ?? ''
  const address = parseIp(text)
  if (!address) return undefined
  const written6 = parseIpv6(text) !== undefined
  const bits = match?.[2] === undefined ? (written6 ? 128 : 32) : Number(match[2])
  if (bits > (written6 ? 128 : 32)) return undefined
  if (address.family === 6) return { family: 6, base: address.groups, bits }
  if (!written6) return { family: 4, base: address.value, bits }
  // A mapped range that reaches outside the mapped block has no IPv4 form, and guessing one would trust strangers.
  return bits < 96 ? undefined : { family: 4, base: address.value, bits: bits - 96 }
}

const inGroups = (groups: readonly number[], base: readonly number[], bits: number): boolean => {
  for (let index = 0, left = bits; left > 0; index++, left -= 16) {
    const shift = Math.max(0, 16 - left)
    if (((groups[index] ?? 0) >>> shift) !== ((base[index] ?? 0) >>> shift)) return false
  }
  return true
}

const contains = (range: Range, address: IpAddress): boolean => {
  if (range.family === 4) return address.family === 4 && (range.bits === 0 || inIpv4(address.value, range.base, range.bits))
  return address.family === 6 && inGroups(address.groups, range.base, range.bits)
}

/** Compiles a list of addresses and CIDR ranges. An entry that is neither throws by name: a list of trust has no silent gaps. */
export function createCidrMatcher (list: readonly string[]): (address: string | undefined) => boolean {
  const ranges = list.map(entry => {
    const range = parseRange(entry)
    if (!range) throw new Error(`"${entry}" is neither an IP address nor a CIDR range`)
    return range
  })
  return raw => {
    if (ranges.length === 0) return false
    const address = parseAddress(raw)
    return address !== undefined && ranges.some(range => contains(range, address))
  }
}

const unbracket = (hostname: string): string => hostname.startsWith('[') && hostname.endsWith(']') ? hostname.slice(1, -1) : hostname

/** True for an address written plainly, with brackets or without; a port makes it something else. */
export const isIpLiteral = (hostname: string): boolean => parseIp(unbracket(hostname)) !== undefined

export interface HostName {
  /** Lower case, without brackets or a final dot; addresses in their canonical spelling. */
  readonly hostname: string
  readonly port?: number
}

const hostPattern = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?$/
const longestHost = 262

/** Resolvers read a name whose last label is a number as an address (`127.1`, `0x7f000001`), so such a name is an address or nothing. */
function canonicalName (text: string): string | undefined {
  const name = text.endsWith('.') ? text.slice(0, -1) : text
  const labels = name.split('.')
  if (labels.includes('')) return undefined
  return /^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '') ? normalizeAddress(name) : name
}

export function parseHostHeader (host: string | undefined): HostName | undefined {
  if (host === undefined || host.length > longestHost) return undefined
  const match = hostPattern.exec(host.trim().toLowerCase())
  if (!match) return undefined
  const [, bracketed, name = '', portText] = match
  const hostname = bracketed === undefined ? canonicalName(name) : parseIpv6(bracketed) && normalizeAddress(bracketed)
  if (!hostname) return undefined
  if (portText === undefined) return { hostname }
  const port = Number(portText)
  return port > 0 && port <= 65_535 ? { hostname, port } : undefined
}

/** Names that lead to this machine from every machine. */
export function isLoopbackHostname (hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.$/, '')
  return name === 'localhost' || name.endsWith('.localhost') || (isIpLiteral(name) && isLoopbackAddress(name))
}
