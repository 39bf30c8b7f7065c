/** Whether tailscale serve speaks the truth about a caller: its headers are only a claim until tailscaled itself has confirmed them. */
import type { IncomingHttpHeaders } from 'node:http'
import type { ErrorCode } from '../protocol/errors.ts'
import type { AuthMode } from './gateway-auth.ts'
import type { Ingress } from './ingress.ts'

/** The login of whoever has this address in the tailnet; undefined when tailscaled knows nobody. Rejects when it cannot be asked. */
export type Whois = (address: string) => Promise<string | undefined>

export type TailscaleMode = 'off' | 'serve' | 'funnel'

export type TailscaleVerdict =
  | { readonly ok: true, readonly user: string }
  | { readonly ok: false, readonly code: ErrorCode }

/** Undefined: tailscale has no say here, so another credential is needed. */
export type TailscaleCheck = (ingress: Ingress, headers: IncomingHttpHeaders) => Promise<TailscaleVerdict> | undefined

export interface TailscaleCheckOptions {
  readonly mode: () => TailscaleMode
  readonly allowed: () => boolean | undefined
  readonly authMode: () => AuthMode
  readonly whois: Whois
}

/** A machine with a tag belongs to nobody, and all of them share this name. */
const nobody = 'tagged-devices'

const loginOf = (headers: IncomingHttpHeaders): string => {
  const value = headers['tailscale-user-login']
  return typeof value === 'string' ? value.trim() : ''
}

export function createTailscaleCheck (options: TailscaleCheckOptions): TailscaleCheck {
  const isAllowed = (): boolean => {
    if (options.mode() !== 'serve') return false
    const authMode = options.authMode()
    return options.allowed() ?? (authMode !== 'password' && authMode !== 'trusted-proxy')
  }

  async function verdictOn (ingress: Ingress, login: string): Promise<TailscaleVerdict> {
    const refused = (code: ErrorCode): TailscaleVerdict => ({ ok: false, code })
    if (ingress.kind !== 'tailscale-serve') return refused('AUTH_TAILSCALE_PROXY_MISSING')
    if (login === '' || login.toLowerCase() === nobody) return refused('AUTH_TAILSCALE_IDENTITY_MISSING')
    const known = await options.whois(ingress.clientAddress).catch(() => undefined)
    if (known === undefined) return refused('AUTH_TAILSCALE_WHOIS_FAILED')
    return known.toLowerCase() === login.toLowerCase() ? { ok: true, user: known } : refused('AUTH_TAILSCALE_IDENTITY_MISMATCH')
  }

  return (ingress, headers) => {
    if (!isAllowed()) return undefined
    const login = loginOf(headers)
    return ingress.kind === 'tailscale-serve' || login !== '' ? verdictOn(ingress, login) : undefined
  }
}
