/** From the text of a URL to the addresses that may be connected to: grammar, rules for its host, one look-up, every answer checked. */
import { canonicalAddress, classifyAddress, type AddressClass, type OwnNetwork } from './address-class.ts'
import { OutboundError } from './outbound-error.ts'

export interface OutboundRules {
  /** Networks that are open, whatever the host. Default: none, only public addresses. */
  readonly networks?: readonly OwnNetwork[]
  /** Exact names of hosts for which every own network is open. */
  readonly ownHosts?: readonly string[]
  /** Exact names, `*.name` for what is below one, `*` for all; wins over everything. */
  readonly blockedHosts?: readonly string[]
  /** In the same words: the only ones that may be called. Opens nothing by itself. Default: every host. */
  readonly onlyHosts?: readonly string[]
  /** The settings to name when somebody wants what is closed. */
  readonly setting?: string
}

/** All addresses of a name. Rejects or answers nothing when there are none. */
export type Resolve = (hostname: string) => Promise<readonly string[]>

export interface Target {
  readonly url: URL
  /** Without brackets and final dots, in lower case and ASCII. */
  readonly hostname: string
  readonly addresses: readonly string[]
}

const longestUrl = 8192
const maxAddresses = 64

/** Where something else than HTTP listens ("bad ports" of the fetch standard): a request there speaks to a mail or chat server. */
const foreignPorts = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110, 111, 113,
  115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556,
  563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6379, 6566, 6665, 6666,
  6667, 6668, 6669, 6679, 6697, 10080
])

const plainName = (host: string): string => host.toLowerCase().replace(/^\[|\]$/g, '').replace(/\.+$/, '')

/** Reads it as browsers do: `0x7f.1`, `2130706433` and full-width digits are addresses here and are judged as such. */
export function parseTarget (text: string): URL {
  if (text.length > longestUrl) throw new OutboundError('url', `The URL is longer than ${longestUrl} characters; ask for a shorter one.`)
  const url = URL.parse(text)
  if (!url) throw new OutboundError('url', 'That is not a URL; give an absolute one such as https://example.com/page.')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new OutboundError('url', `Only http and https can be fetched, not ${url.protocol.slice(0, 32)}`)
  }
  if (url.username || url.password) throw new OutboundError('url', 'The URL contains a user name or password; leave them out.')
  if (plainName(url.hostname) === '') throw new OutboundError('url', 'The URL has no host.')
  if (foreignPorts.has(Number(url.port || -1))) throw new OutboundError('port', `Port ${url.port} belongs to a service that is not a web server.`)
  return url
}

const matches = (hostname: string, rule: string): boolean => {
  const name = plainName(rule.trim())
  if (name === '*') return true
  return name.startsWith('*.') ? hostname.endsWith(name.slice(1)) : hostname === name
}

const words: { readonly [kind in AddressClass]: string } = {
  public: 'a public address',
  loopback: 'this machine',
  private: 'a private network',
  shared: 'a network behind carrier-grade NAT',
  benchmark: 'a network for benchmarks',
  'unique-local': 'a private network',
  'link-local': 'a link-local address',
  metadata: 'the metadata service of a cloud',
  special: 'an address that belongs to no server'
}

const ownNetworks: ReadonlySet<AddressClass> = new Set<OwnNetwork>(['loopback', 'private', 'shared', 'benchmark', 'unique-local'])

function refusal (hostname: string, kind: AddressClass, setting: string | undefined): OutboundError {
  const reason = `Refused: ${hostname} leads to ${words[kind]}`
  if (!ownNetworks.has(kind) || setting === undefined) return new OutboundError('address', `${reason}. Use a public address.`)
  return new OutboundError('address', `${reason}. Whoever runs this gateway can open it: ${setting}.`)
}

async function lookUp (hostname: string, resolve: Resolve): Promise<readonly string[]> {
  const literal = canonicalAddress(hostname)
  if (literal !== undefined) return [literal]
  // Every resolver answers these for itself, and some ask the network.
  if (hostname === 'localhost' || hostname.endsWith('.localhost')) return ['127.0.0.1', '::1']
  let answers: readonly string[]
  try {
    answers = await resolve(hostname)
  } catch (error) {
    throw new OutboundError('dns', `The name ${hostname} cannot be resolved; check its spelling.`, error)
  }
  if (answers.length === 0) throw new OutboundError('dns', `The name ${hostname} has no address; check its spelling.`)
  if (answers.length > maxAddresses) throw new OutboundError('dns', `The name ${hostname} has more than ${maxAddresses} addresses.`)
  return [...new Set(answers)]
}

/** One answer that is not allowed closes the name: which of them is connected to is chance. */
export async function resolveTarget (url: URL, rules: OutboundRules, resolve: Resolve): Promise<Target> {
  const hostname = plainName(url.hostname)
  if (rules.blockedHosts?.some(rule => matches(hostname, rule))) {
    throw new OutboundError('host', `Refused: ${hostname} is blocked by the configuration of this gateway.`)
  }
  if (rules.onlyHosts && !rules.onlyHosts.some(rule => matches(hostname, rule))) {
    throw new OutboundError('host', `Refused: ${hostname} is not among the hosts that the configuration of this gateway allows.`)
  }
  const isOwn = rules.ownHosts?.some(rule => hostname === plainName(rule.trim())) ?? false
  const addresses = await lookUp(hostname, resolve)
  for (const address of addresses) {
    const kind = classifyAddress(address)
    const isOpen = kind === 'public' || (isOwn ? ownNetworks.has(kind) : rules.networks?.includes(kind as OwnNetwork))
    if (!isOpen) throw refusal(hostname, kind, rules.setting)
  }
  return { url, hostname, addresses }
}
