/** Which combinations of mode, secret, bind and proxy the gateway starts with. Asked at start and before every reload. */
import { isIpLiteral, isLoopbackHostname } from '../lib/net-address.ts'
import type { AuthProblem, GatewayAuth, GatewayAuthConfig } from './gateway-auth.ts'
import { isPlaceholderSecret } from './secret.ts'

export interface AuthRuleFacts {
  auth: GatewayAuth
  config: GatewayAuthConfig
  env: { readonly [name: string]: string | undefined }
  /** `--token`, which counts as a configured token too. */
  flags?: { token?: string }
  /** The addresses to listen on. */
  bindHosts: readonly string[]
  /** The word from the configuration, for the message. */
  bind?: string
  /** The origins in force, seeded ones included; left out, the rule about them is not asked. */
  allowedOrigins?: readonly string[]
}

type Rule = (facts: AuthRuleFacts, openBind: string | undefined) => AuthProblem | undefined

const failed = (text: string, next: string): AuthProblem => ({ text: `Gateway failed to start: ${text}`, next })

const tailscaleMode = ({ config }: AuthRuleFacts): string | undefined => {
  const mode = config.tailscale?.mode ?? 'off'
  return mode === 'off' ? undefined : mode
}

/** A generated token is known to nobody who would have to come from elsewhere, so it opens no bind beyond loopback. */
const hasDurableSecret = ({ auth }: AuthRuleFacts): boolean => {
  if (auth.mode === 'token') return auth.token !== undefined && auth.tokenSource !== 'generated'
  return auth.mode === 'trusted-proxy' || (auth.mode === 'password' && auth.password !== undefined)
}

const placeholder: Rule = ({ auth }) => {
  const kind = auth.mode === 'token' ? 'token' : 'password'
  const value = auth.mode === 'none' ? undefined : auth[kind]
  if (value === undefined || !isPlaceholderSecret(value)) return undefined
  return failed(`the gateway auth ${kind} is a placeholder, not a secret.`,
    `Set gateway.auth.${kind} (or OPENCLAW_GATEWAY_${kind.toUpperCase()}) to something random: openssl rand -hex 24.`)
}

const password: Rule = ({ auth }) => auth.mode !== 'password' || auth.password !== undefined
  ? undefined
  : {
      text: 'Gateway auth is set to password, but no password is configured.',
      next: 'Set gateway.auth.password (or OPENCLAW_GATEWAY_PASSWORD), or pass --password.'
    }

const openBindNeedsAuth: Rule = (facts, openBind) => openBind === undefined || facts.auth.mode === 'password' || hasDurableSecret(facts)
  ? undefined
  : {
      text: `Refusing to bind gateway to ${facts.bind ?? openBind} without auth.`,
      next: 'Set gateway.auth.token/password (or OPENCLAW_GATEWAY_TOKEN/OPENCLAW_GATEWAY_PASSWORD) or pass --token/--password.'
    }

const proxyAddresses: Rule = ({ auth, config }) => auth.mode !== 'trusted-proxy' || (config.trustedProxies ?? []).length > 0
  ? undefined
  : failed('gateway auth mode=trusted-proxy requires gateway.trustedProxies to be configured with at least one proxy IP.',
    'Add the address of the proxy to gateway.trustedProxies.')

const proxyUserHeader: Rule = ({ auth, config }) => auth.mode !== 'trusted-proxy' || config.auth?.trustedProxy?.userHeader?.trim()
  ? undefined
  : failed('gateway auth mode=trusted-proxy requires gateway.auth.trustedProxy.userHeader.',
    'Set gateway.auth.trustedProxy.userHeader to the header in which the proxy names the user, such as "x-forwarded-user".')

const proxyWithoutToken: Rule = ({ auth, config, env, flags }) => {
  const configured = config.auth?.token ?? flags?.token ?? (env.OPENCLAW_GATEWAY_TOKEN?.trim() || undefined)
  if (auth.mode !== 'trusted-proxy' || configured === undefined) return undefined
  return failed('gateway auth mode is trusted-proxy, but a shared token is also configured; remove gateway.auth.token / ' +
    'OPENCLAW_GATEWAY_TOKEN because trusted-proxy and token auth are mutually exclusive.', 'Remove the token, or choose another gateway.auth.mode.')
}

const funnelNeedsPassword: Rule = facts => tailscaleMode(facts) !== 'funnel' || facts.auth.mode === 'password'
  ? undefined
  : failed('tailscale funnel requires gateway auth mode=password (set gateway.auth.password or OPENCLAW_GATEWAY_PASSWORD).',
    'Set gateway.auth.mode to "password" and give it a password.')

const tailscaleNeedsAuth: Rule = facts => tailscaleMode(facts) === undefined || facts.auth.mode !== 'none'
  ? undefined
  : failed(`tailscale ${tailscaleMode(facts)} requires gateway auth, but gateway.auth.mode is none.`,
    'Choose another gateway.auth.mode, or set gateway.tailscale.mode to "off".')

const tailscaleNeedsLoopback: Rule = (facts, openBind) => tailscaleMode(facts) === undefined || openBind === undefined
  ? undefined
  : {
      text: `gateway.bind must resolve to loopback when gateway.tailscale.mode=${tailscaleMode(facts)} (use gateway.bind="loopback")`,
      next: 'Set gateway.bind to "loopback": tailscale reaches the gateway from this machine.'
    }

const controlUiOrigins: Rule = ({ config, allowedOrigins }, openBind) => {
  const { enabled = true, dangerouslyAllowHostHeaderOriginFallback = false } = config.controlUi ?? {}
  if (!enabled || openBind === undefined || dangerouslyAllowHostHeaderOriginFallback) return undefined
  return allowedOrigins === undefined || allowedOrigins.length > 0
    ? undefined
    : {
        text: 'non-loopback Control UI requires gateway.controlUi.allowedOrigins',
        next: 'List the origins under which people open the Control UI in gateway.controlUi.allowedOrigins.'
      }
}

const rules: readonly Rule[] = [
  placeholder, password, proxyAddresses, proxyUserHeader, proxyWithoutToken, funnelNeedsPassword, tailscaleNeedsAuth,
  tailscaleNeedsLoopback, openBindNeedsAuth, controlUiOrigins
]

const isLoopbackBind = (host: string): boolean => isLoopbackHostname(host) && (host.toLowerCase() === 'localhost' || isIpLiteral(host))

/** Everything beside `auth.problems` that forbids starting, in the order in which it should be read. */
export function checkAuthRules (facts: AuthRuleFacts): AuthProblem[] {
  const openBind = facts.bindHosts.find(host => !isLoopbackBind(host))
  // Where a secret could not be read, complaints about a missing one would only send people the wrong way.
  if (facts.auth.problems.length > 0) return []
  return rules.map(rule => rule(facts, openBind)).filter(problem => problem !== undefined)
}
