import type { IncomingHttpHeaders } from 'node:http'
import { createCidrMatcher, isLoopbackAddress, normalizeAddress } from '../lib/net-address.ts'
import { GatewayError } from '../protocol/errors.ts'
import type { Ingress } from './ingress.ts'
import type { OriginPolicy } from './origin.ts'

export interface TrustedProxySettings {
  readonly userHeader?: string
  readonly requiredHeaders?: readonly string[]
  /** Empty: every user that the proxy names. */
  readonly allowUsers?: readonly string[]
  readonly allowLoopback?: boolean
}

export interface TrustedProxyOptions {
  config: {
    readonly trustedProxies?: readonly string[]
    readonly auth?: { readonly trustedProxy?: TrustedProxySettings }
  }
  ownAddresses: () => readonly string[]
  origins: OriginPolicy
}

export type TrustedProxyVerdict =
  | { readonly ok: true, readonly user: string, readonly declaredScopes?: readonly string[] }
  | { readonly ok: false, readonly reason: string }

/** The same words at both doors. */
export const proxyRefusal = (reason: string): GatewayError =>
  new GatewayError(reason.startsWith('trusted_proxy_missing_header') ? 'AUTH_IDENTITY_HEADER_REQUIRED' : 'AUTH_UNAUTHORIZED', { details: { authReason: reason } })

export type TrustedProxyCheck = (ingress: Ingress, headers: IncomingHttpHeaders, surface: { http: boolean }) => TrustedProxyVerdict

const headerText = (headers: IncomingHttpHeaders, name: string): string => {
  const value = headers[name.toLowerCase()]
  return typeof value === 'string' ? value.trim() : ''
}

/** `x-openclaw-scopes`: undefined when it was not sent; sent empty it means no scope at all. */
export function readDeclaredScopes (headers: IncomingHttpHeaders): string[] | undefined {
  const value = headers['x-openclaw-scopes']
  if (value === undefined) return undefined
  return String(value).split(',').map(scope => scope.trim()).filter(scope => scope !== '')
}

/** Why this sender may not vouch for anybody; undefined when it may. */
function sourceProblem (
  peer: string, isTrusted: (address: string) => boolean, ownAddresses: () => readonly string[], allowLoopback: boolean
): string | undefined {
  if (!isTrusted(peer)) return 'trusted_proxy_untrusted_source'
  if (isLoopbackAddress(peer)) return allowLoopback ? undefined : 'trusted_proxy_loopback_source'
  try {
    return ownAddresses().some(own => normalizeAddress(own) === peer) ? 'trusted_proxy_local_interface_source' : undefined
  } catch {
    return 'trusted_proxy_local_interface_check_failed'
  }
}

/** Whether a proxy vouches for a user. The first thing that is wrong, in the contract's order, is the answer. */
export function createTrustedProxyCheck ({ config, ownAddresses, origins }: TrustedProxyOptions): TrustedProxyCheck {
  const isTrusted = createCidrMatcher(config.trustedProxies ?? [])
  const { userHeader = '', requiredHeaders = [], allowUsers = [], allowLoopback = false } = config.auth?.trustedProxy ?? {}

  return (ingress, headers, { http }) => {
    const refused = (reason: string): TrustedProxyVerdict => ({ ok: false, reason })
    const badSource = sourceProblem(ingress.peerAddress, isTrusted, ownAddresses, allowLoopback)
    if (badSource) return refused(badSource)
    const missing = requiredHeaders.find(name => headerText(headers, name) === '')
    if (missing !== undefined) return refused(`trusted_proxy_missing_header_${missing.toLowerCase()}`)
    const user = userHeader.trim() === '' ? '' : headerText(headers, userHeader.trim())
    if (user === '') return refused('trusted_proxy_user_missing')
    if (allowUsers.length > 0 && !allowUsers.includes(user)) return refused('trusted_proxy_user_not_allowed')
    if (ingress.kind !== 'trusted-proxy') return refused('trusted_proxy_client_unattributable')
    if (http && !origins(ingress, { required: false }).ok) return refused('trusted_proxy_origin_not_allowed')
    const declaredScopes = readDeclaredScopes(headers)
    return { ok: true, user, ...(declaredScopes ? { declaredScopes } : {}) }
  }
}
