/** What kind of place an IP address is. Only `public` may be called without somebody having said so. */
import { formatIp, parseIp, type IpAddress } from '../ip-address.ts'

/** Places that a configuration may open. */
export type OwnNetwork = 'loopback' | 'private' | 'shared' | 'benchmark' | 'unique-local'

/** `metadata` hands out the credentials of a machine, `special` is nobody's: these are closed whatever the configuration says. */
export type AddressClass = 'public' | OwnNetwork | 'link-local' | 'metadata' | 'special'

type Row = readonly [range: string, kind: AddressClass]

/** The first row that fits. IANA special-purpose registries, and where clouds keep the data of their machines. */
const rows4: readonly Row[] = [
  ['169.254.169.254/32', 'metadata'], ['169.254.170.2/32', 'metadata'], ['168.63.129.16/32', 'metadata'], ['100.100.100.200/32', 'metadata'],
  ['192.0.0.192/32', 'metadata'], ['0.0.0.0/8', 'special'], ['10.0.0.0/8', 'private'], ['100.64.0.0/10', 'shared'], ['127.0.0.0/8', 'loopback'],
  ['169.254.0.0/16', 'link-local'], ['172.16.0.0/12', 'private'], ['192.0.0.0/24', 'special'], ['192.0.2.0/24', 'special'],
  ['192.88.99.0/24', 'special'], ['192.168.0.0/16', 'private'], ['198.18.0.0/15', 'benchmark'], ['198.51.100.0/24', 'special'],
  ['203.0.113.0/24', 'special'], ['224.0.0.0/4', 'special'], ['240.0.0.0/4', 'special']
]

const rows6: readonly Row[] = [
  ['fd00:ec2::254/128', 'metadata'], ['fd20:ce::254/128', 'metadata'], ['::1/128', 'loopback'], ['fc00::/7', 'unique-local'],
  ['fe80::/10', 'link-local'], ['2001::/23', 'special'], ['2001:db8::/32', 'special'], ['2002::/16', 'special'], ['3fff::/20', 'special'],
  // What is left of the other seven eighths of IPv6 has not been given to anybody.
  ['2000::/3', 'public']
]

const groupsOf = (address: IpAddress): readonly number[] =>
  address.family === 6 ? address.groups : [address.value >>> 16, address.value & 0xffff]

function isWithin (groups: readonly number[], range: string): boolean {
  const [base = '', length = ''] = range.split('/')
  const parsed = parseIp(base)
  if (!parsed) return false
  const wanted = groupsOf(parsed)
  for (let index = 0, left = Number(length); left > 0; index++, left -= 16) {
    const shift = Math.max(0, 16 - left)
    if (((groups[index] ?? 0) >>> shift) !== ((wanted[index] ?? 0) >>> shift)) return false
  }
  return true
}

/** The IPv4 address that a translator (NAT64, RFC 6052) would call; IPv4-mapped addresses are read as IPv4 already. */
function translated (groups: readonly number[]): IpAddress | undefined {
  if (!isWithin(groups, '64:ff9b::/96')) return undefined
  return { family: 4, value: (groups[6] ?? 0) * 0x10000 + (groups[7] ?? 0) }
}

function classOf (address: IpAddress): AddressClass {
  const groups = groupsOf(address)
  const inner = address.family === 6 ? translated(groups) : undefined
  if (inner) return classOf(inner)
  const [, kind = address.family === 4 ? 'public' : 'special'] = (address.family === 4 ? rows4 : rows6).find(([range]) => isWithin(groups, range)) ?? []
  return kind
}

/** What is no address, or one with a zone, is nobody's. */
export function classifyAddress (text: string): AddressClass {
  const address = parseIp(text)
  return address ? classOf(address) : 'special'
}

/** The one spelling of an address; undefined when it is none. */
export function canonicalAddress (text: string): string | undefined {
  const address = parseIp(text)
  return address && formatIp(address)
}
