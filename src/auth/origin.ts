import type { IncomingHttpHeaders } from 'node:http'
import { isIpLiteral, isLoopbackHostname, isPrivateAddress, normalizeAddress, parseHostHeader } from '../lib/net-address.ts'
import { defaultPort, parseOrigin, type WebOrigin } from '../lib/web-origin.ts'
import { isOwnLoopbackOrigin, type Ingress } from './ingress.ts'

export type OriginVerdict =
  | { readonly ok: true, readonly reason: 'listed' | 'same-host' | 'loopback' | 'absent' }
  | { readonly ok: false, readonly reason: 'origin missing or invalid' | 'origin not allowed' }

export type OriginPolicy = (ingress: Ingress, rule: { required: boolean }) => OriginVerdict

export interface OriginPolicyOptions {
  /** `gateway.controlUi.allowedOrigins`; `*` allows every origin. */
  allowedOrigins: readonly string[]
  port: number | (() => number)
  /** `gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback`: whoever can name a host may be that host. */
  hostHeaderFallback: boolean
  /** The addresses of this machine's interfaces. */
  ownAddresses: () => readonly string[]
  /** This machine's name; without it no `.local` origin is ours. */
  hostname?: string
}

const owns = (ownAddresses: () => readonly string[], address: string): boolean =>
  ownAddresses().some(own => normalizeAddress(own) === address)

/** `box` for `Box.lan`: the name under which a machine answers on its own network. */
const shortName = (hostname: string | undefined): string | undefined => hostname?.toLowerCase().split('.')[0] || undefined

const isTailnetName = (hostname: string): boolean => hostname.endsWith('.ts.net')

/** The page was loaded from the very host and port it now talks to. */
function isSameHost (origin: WebOrigin, hostHeader: string | undefined): boolean {
  const host = parseHostHeader(hostHeader)
  return host !== undefined && (origin.scheme === 'http' || origin.scheme === 'https') &&
    host.hostname === origin.hostname && (host.port ?? defaultPort(origin.scheme)) === origin.port
}

/**
 * Which pages may talk to us. A name that anybody can point at us proves nothing (DNS rebinding), so beside the listed origins
 * only names and addresses count that cannot be anybody else: our own addresses, our mDNS name, tailnet names.
 */
export function createOriginPolicy (options: OriginPolicyOptions): OriginPolicy {
  const { hostHeaderFallback, ownAddresses } = options
  const everyone = options.allowedOrigins.some(entry => entry.trim() === '*')
  const listed = new Set(options.allowedOrigins.map(entry => parseOrigin(entry)?.text ?? entry.trim().toLowerCase()))
  const localName = shortName(options.hostname)
  const ownPort = (): number => typeof options.port === 'function' ? options.port() : options.port

  const isOwnHost = (hostname: string): boolean => {
    if (isIpLiteral(hostname)) return isPrivateAddress(hostname) && owns(ownAddresses, hostname)
    return isTailnetName(hostname) || (localName !== undefined && hostname === `${localName}.local`)
  }

  return (ingress, { required }) => {
    if (ingress.origin === undefined) return required ? { ok: false, reason: 'origin missing or invalid' } : { ok: true, reason: 'absent' }
    const origin = parseOrigin(ingress.origin)
    if (listed.has(origin?.text ?? ingress.origin) || (everyone && origin)) return { ok: true, reason: 'listed' }
    if (!origin) return { ok: false, reason: 'origin missing or invalid' }
    if (isSameHost(origin, ingress.host) && (hostHeaderFallback || isOwnHost(origin.hostname))) return { ok: true, reason: 'same-host' }
    if (ingress.local && isOwnLoopbackOrigin(ingress.origin, ownPort())) return { ok: true, reason: 'loopback' }
    return { ok: false, reason: 'origin not allowed' }
  }
}

export type HostPolicy = (ingress: Ingress) => boolean

export interface HostPolicyOptions {
  /** Names as they stand in the Host header; `*.example.com` means every name below it. */
  allowedHosts: readonly string[]
  /** Their hosts are allowed too: whoever lists a page's origin wants the page to load. */
  allowedOrigins: readonly string[]
  publicOrigin?: string | undefined
  ownAddresses: () => readonly string[]
  hostname: string
}

const listedHost = (entry: string): string => {
  const name = entry.replace(/^\*\./, '')
  return parseHostHeader(name)?.hostname ?? normalizeAddress(name) ?? name.trim().toLowerCase()
}

/** Which names an HTTP request may call us by. A request without a Host header comes from no browser, so nobody was lured. */
export function createHostPolicy (options: HostPolicyOptions): HostPolicy {
  const exact = new Set(['host.docker.internal', options.hostname.toLowerCase()])
  const local = shortName(options.hostname)
  if (local) exact.add(local).add(`${local}.local`)
  for (const origin of [...options.allowedOrigins, options.publicOrigin ?? '']) {
    const hostname = parseOrigin(origin)?.hostname
    if (hostname) exact.add(hostname)
  }
  const wildcards = options.allowedHosts.filter(entry => entry.startsWith('*.')).map(entry => `.${listedHost(entry)}`)
  for (const entry of options.allowedHosts) if (!entry.startsWith('*')) exact.add(listedHost(entry))
  const everyone = options.allowedHosts.includes('*')

  return ingress => {
    if (ingress.host === undefined || everyone) return true
    const hostname = parseHostHeader(ingress.host)?.hostname
    if (hostname === undefined) return false
    if (exact.has(hostname) || isLoopbackHostname(hostname) || isTailnetName(hostname)) return true
    return isIpLiteral(hostname) ? owns(options.ownAddresses, hostname) : wildcards.some(suffix => hostname.endsWith(suffix))
  }
}

/** A browser says that the request was begun by a page of another origin; on whatever changes something that page must not count. */
export const isCrossSite = (headers: IncomingHttpHeaders): boolean => {
  const site = headers['sec-fetch-site']
  return site === 'cross-site' || site === 'same-site'
}

/**
 * Behind a published port of a container a page on this machine reaches us from another address, so binds beyond loopback know our
 * own localhost origins unless the configuration lists origins itself. Remote origins are never derived.
 */
export const effectiveOrigins = (configured: readonly string[], beyondLoopback: boolean, port: number, scheme = 'http'): readonly string[] =>
  configured.length > 0 || !beyondLoopback ? configured : [`${scheme}://localhost:${port}`, `${scheme}://127.0.0.1:${port}`]
