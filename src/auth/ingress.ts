import type { IncomingHttpHeaders } from 'node:http'
import { createCidrMatcher, isLoopbackAddress, isLoopbackHostname, normalizeAddress, parseHostHeader } from '../lib/net-address.ts'
import { createRecent } from '../lib/recent.ts'
import { parseOrigin } from '../lib/web-origin.ts'

/** Where a request is deemed to come from. Found out once, before any credential is looked at. */
export interface Ingress {
  readonly kind: 'direct-local' | 'trusted-proxy' | 'tailscale-serve' | 'tailscale-funnel' | 'unattributable-proxy' | 'direct-remote'
  /** Who counts for limits: the socket's peer, or the client that a trusted proxy names. */
  readonly clientAddress: string
  readonly peerAddress: string
  /** A proxy of ours that did not say whom it speaks for. */
  readonly clientUnnamed?: boolean
  /** The Host and Origin headers, lower case, otherwise as sent. */
  readonly host?: string
  readonly origin?: string
  /** Beyond doubt a program or page of this machine. */
  readonly local: boolean
}

export interface IngressFacts {
  remoteAddress?: string | undefined
  /** Our end of the socket; when given, it must be loopback too for a caller to be local. */
  localAddress?: string | undefined
  headers: IncomingHttpHeaders
}

export interface IngressOptions {
  trustedProxies: readonly string[]
  allowRealIpFallback: boolean
  /** The port we listen on; a function where it is only known later. */
  port: number | (() => number)
  /** The tailscale that we put in front of ourselves. */
  tailscale?: 'off' | 'serve' | 'funnel'
}

/** The address of everybody whose socket has none; they share one bucket in every limit. */
export const unknownAddress = 'unknown'

const tailscaleHeaders: ReadonlySet<string> = new Set([
  'tailscale-user-login', 'tailscale-user-name', 'tailscale-user-profile-pic', 'tailscale-headers-info', 'tailscale-funnel-request'
])
/** Traces of a proxy that do not decide who the client is, but show that it is not simply a program of this machine. */
const proxyTraces: ReadonlySet<string> = new Set([
  'via', 'cf-connecting-ip', 'true-client-ip', 'x-client-ip', 'x-cluster-client-ip', 'fly-client-ip', 'fastly-client-ip'
])

const isProxyEvidence = (name: string): boolean =>
  name.startsWith('x-forwarded-') || name === 'forwarded' || name === 'x-real-ip' || tailscaleHeaders.has(name)

const some = (headers: IncomingHttpHeaders, test: (name: string) => boolean): boolean => {
  for (const name in headers) if (headers[name] !== undefined && test(name)) return true
  return false
}

const joined = (value: string | string[] | undefined): string | undefined => Array.isArray(value) ? value.join(',') : value

/** From the right, because only what trusted proxies appended is true; loopback hops, proxies of ours and noise name no client. */
function clientFromForwardedFor (value: string, isTrusted: (address: string) => boolean): string | undefined {
  for (let end = value.length; end > 0;) {
    const comma = value.lastIndexOf(',', end - 1)
    const hop = normalizeAddress(value.slice(comma + 1, end))
    if (hop !== undefined && !isLoopbackAddress(hop) && !isTrusted(hop)) return hop
    end = comma
  }
  return undefined
}

/** Tailscale writes exactly one address, and all three headers; a chain of hops was written by somebody else. */
function clientOfTailscale (mode: 'serve' | 'funnel', headers: IncomingHttpHeaders): string | undefined {
  const funnel = headers['tailscale-funnel-request']
  if (funnel !== undefined && (mode === 'serve' || funnel !== '?1')) return undefined
  if (headers['x-forwarded-proto'] === undefined || headers['x-forwarded-host'] === undefined) return undefined
  const client = normalizeAddress(joined(headers['x-forwarded-for']))
  return isLoopbackAddress(client) ? undefined : client
}

/** A page of our own that the browser opened over loopback. */
export function isOwnLoopbackOrigin (origin: string, port: number): boolean {
  const parsed = parseOrigin(origin)
  return parsed !== undefined && (parsed.scheme === 'http' || parsed.scheme === 'https') &&
    parsed.port === port && isLoopbackHostname(parsed.hostname)
}

/** Most requests name the host that the one before them named. */
function createLoopbackHosts (): (host: string | undefined) => boolean {
  let last: { readonly host: string, readonly isLoopback: boolean } | undefined
  return host => {
    if (host === undefined) return true
    if (last?.host !== host) {
      const parsed = parseHostHeader(host)
      last = { host, isLoopback: parsed !== undefined && isLoopbackHostname(parsed.hostname) }
    }
    return last.isLoopback
  }
}

interface Peer {
  readonly peerAddress: string
  readonly overLoopback: boolean
}
const maxPeers = 1000

export function createIngress (options: IngressOptions): (facts: IngressFacts) => Ingress {
  const isTrusted = createCidrMatcher(options.trustedProxies)
  const isLoopbackHost = createLoopbackHosts()
  const ownPort = (): number => typeof options.port === 'function' ? options.port() : options.port

  const namedClient = (headers: IncomingHttpHeaders): string | undefined => {
    const client = clientFromForwardedFor(joined(headers['x-forwarded-for']) ?? '', isTrusted)
    if (client !== undefined || !options.allowRealIpFallback) return client
    const realIp = normalizeAddress(joined(headers['x-real-ip']))
    return isLoopbackAddress(realIp) ? undefined : realIp
  }

  const attribute = (peer: string, overLoopback: boolean, headers: IncomingHttpHeaders): Pick<Ingress, 'kind' | 'clientAddress' | 'clientUnnamed'> => {
    const proxied = some(headers, isProxyEvidence)
    if (overLoopback && !proxied) return { kind: 'direct-local', clientAddress: peer }
    if (isTrusted(peer)) {
      const client = namedClient(headers)
      return client === undefined ? { kind: 'unattributable-proxy', clientAddress: peer, clientUnnamed: true } : { kind: 'trusted-proxy', clientAddress: client }
    }
    const { tailscale = 'off' } = options
    const client = tailscale !== 'off' && overLoopback ? clientOfTailscale(tailscale, headers) : undefined
    if (client !== undefined) return { kind: `tailscale-${tailscale as 'serve' | 'funnel'}`, clientAddress: client }
    return { kind: proxied ? 'unattributable-proxy' : 'direct-remote', clientAddress: peer }
  }

  // The peers that were here last: the requests of one socket come from one address.
  const peers = createRecent<Peer>(maxPeers)

  function peerOf (remoteAddress: string | undefined, localAddress: string | undefined): Peer {
    const name = `${remoteAddress} ${localAddress}`
    const known = peers.get(name)
    if (known) return known
    const peerAddress = normalizeAddress(remoteAddress) ?? unknownAddress
    const overLoopback = isLoopbackAddress(peerAddress) && (localAddress === undefined || isLoopbackAddress(localAddress))
    peers.set(name, { peerAddress, overLoopback })
    return { peerAddress, overLoopback }
  }

  return ({ remoteAddress, localAddress, headers }) => {
    const { peerAddress, overLoopback } = peerOf(remoteAddress, localAddress)
    const attribution = attribute(peerAddress, overLoopback, headers)
    const host = headers.host?.trim().toLowerCase()
    const origin = headers.origin?.trim().toLowerCase()
    const local = attribution.kind === 'direct-local' && !some(headers, name => proxyTraces.has(name)) && isLoopbackHost(host) &&
      (origin === undefined || isOwnLoopbackOrigin(origin, ownPort()))
    return { ...attribution, peerAddress, host, origin, local }
  }
}
