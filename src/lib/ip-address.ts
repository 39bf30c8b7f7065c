/** Numeric reading and canonical writing of IP addresses. Octal, decimal and shortened spellings are not addresses. */

/** Eight 16-bit groups for IPv6, one unsigned 32-bit number for IPv4; IPv4-mapped IPv6 is read as the IPv4 address it stands for. */
export type IpAddress = { readonly family: 4, readonly value: number } | { readonly family: 6, readonly groups: readonly number[] }

const longestIpText = 45

function parseIpv4 (text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)
  if (!match) return undefined
  let value = 0
  for (const part of match.slice(1)) {
    if (part.length > 1 && part.startsWith('0')) return undefined
    const octet = Number(part)
    if (octet > 255) return undefined
    value = value * 256 + octet
  }
  return value
}

/** The dotted tail of `::ffff:1.2.3.4` as two hexadecimal groups. */
function replaceDottedTail (text: string): string | undefined {
  if (!text.includes('.')) return text
  const start = text.lastIndexOf(':') + 1
  const value = parseIpv4(text.slice(start))
  return value === undefined ? undefined : `${text.slice(0, start)}${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`
}

function parseGroups (text: string): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  for (const part of text.split(':')) {
    if (!/^[0-9a-f]{1,4}$/i.test(part)) return undefined
    groups.push(Number.parseInt(part, 16))
  }
  return groups
}

export function parseIpv6 (text: string): number[] | undefined {
  if (text.length > longestIpText || !text.includes(':')) return undefined
  const halves = replaceDottedTail(text)?.split('::')
  if (!halves || halves.length > 2) return undefined
  const head = parseGroups(halves[0] ?? '')
  const tail = parseGroups(halves[1] ?? '')
  if (!head || !tail) return undefined
  if (halves.length === 1) return head.length === 8 ? head : undefined
  const missing = 8 - head.length - tail.length
  return missing < 1 ? undefined : [...head, ...new Array<number>(missing).fill(0), ...tail]
}

const isMapped = (groups: readonly number[]): boolean =>
  groups[5] === 0xffff && groups.slice(0, 5).every(group => group === 0)

export function parseIp (text: string): IpAddress | undefined {
  const value = parseIpv4(text)
  if (value !== undefined) return { family: 4, value }
  const groups = parseIpv6(text)
  if (!groups) return undefined
  return isMapped(groups) ? { family: 4, value: (groups[6] ?? 0) * 0x10000 + (groups[7] ?? 0) } : { family: 6, groups }
}

/** Start and length of the run of zeros that the canonical form writes as `::`. */
function longestZeroRun (groups: readonly number[]): { start: number, length: number } {
  let best = { start: -1, length: 1 }
  for (let start = 0; start < groups.length; start++) {
    let end = start
    while (end < groups.length && groups[end] === 0) end++
    if (end - start > best.length) best = { start, length: end - start }
    if (end > start) start = end
  }
  return best
}

const hex = (groups: readonly number[]): string => groups.map(group => group.toString(16)).join(':')

export function formatIp (address: IpAddress): string {
  if (address.family === 4) {
    const { value } = address
    return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`
  }
  const { start, length } = longestZeroRun(address.groups)
  if (start < 0) return hex(address.groups)
  return `${hex(address.groups.slice(0, start))}::${hex(address.groups.slice(start + length))}`
}
