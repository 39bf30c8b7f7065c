/** What the gateway itself demands of its callers: mode and shared secret, from flags, configuration and environment. */
import { environmentFirst } from '../lib/environment-first.ts'
import { fingerprint } from '../lib/fingerprint.ts'
import { secretsEqual } from './secret.ts'

export const authModes = ['none', 'token', 'password', 'trusted-proxy'] as const
export type AuthMode = typeof authModes[number]

export type SecretSource = 'flag' | 'config' | 'env' | 'generated'

export interface AuthProblem {
  /** Begins with the words that people and tools search for. */
  readonly text: string
  readonly next: string
}

export interface GatewayAuth {
  readonly mode: AuthMode
  readonly modeSource: 'override' | 'config' | 'password' | 'token' | 'default'
  readonly token?: string
  readonly password?: string
  readonly tokenSource?: SecretSource
  readonly passwordSource?: SecretSource
  readonly tokenFingerprint?: string
  /** What went wrong while resolving. Any of it forbids starting. */
  readonly problems: readonly AuthProblem[]
}

/** The part of the `gateway` section that this room reads. Secrets are strings or SecretRefs. */
export interface GatewayAuthConfig {
  readonly auth?: {
    readonly mode?: AuthMode
    readonly token?: unknown
    readonly password?: unknown
    readonly allowTailscale?: boolean
    readonly trustedProxy?: { readonly userHeader?: string }
  }
  readonly trustedProxies?: readonly string[]
  readonly tailscale?: { readonly mode?: string }
  readonly controlUi?: { readonly enabled?: boolean, readonly dangerouslyAllowHostHeaderOriginFallback?: boolean }
}

type Environment = { readonly [name: string]: string | undefined }

export interface ResolveAuthOptions {
  config: GatewayAuthConfig
  env: Environment
  flags: { auth?: AuthMode, token?: string, password?: string }
  resolveSecret: (value: unknown) => Promise<{ value?: string, error?: string }>
}

type Kind = 'token' | 'password'

const envNames: { readonly [kind in Kind]: string } = { token: 'OPENCLAW_GATEWAY_TOKEN', password: 'OPENCLAW_GATEWAY_PASSWORD' }

interface Resolved {
  readonly value?: string
  readonly source?: SecretSource
  readonly problem?: AuthProblem
}

const isSet = (value: unknown): boolean => value !== undefined && value !== null

const unresolvable = (kind: Kind, why: string): AuthProblem => ({
  text: `Gateway failed to start: Invalid config: gateway.auth.${kind} could not be resolved: ${why}`,
  next: `Make the secret available where gateway.auth.${kind} points, or remove that key and set ${envNames[kind]}.`
})

const blank = (kind: Kind, where: string): AuthProblem => ({
  text: `Gateway failed to start: the gateway auth ${kind} from ${where} is blank.`,
  next: `Give ${where} a value or remove it.`
})

/** Flag, then configuration, then environment. What is configured and cannot be had is never replaced by the next source. */
async function resolveKind (kind: Kind, { config, env, flags, resolveSecret }: ResolveAuthOptions): Promise<Resolved> {
  const flag = flags[kind]
  if (flag !== undefined) return flag.trim() ? { value: flag.trim(), source: 'flag' } : { problem: blank(kind, `--${kind}`) }
  const fromEnv = env[envNames[kind]]?.trim()
  if (fromEnv && environmentFirst(env)) return { value: fromEnv, source: 'env' }
  const configured = config.auth?.[kind]
  if (isSet(configured)) {
    const { value, error } = await resolveSecret(configured)
    if (error !== undefined) return { problem: unresolvable(kind, error) }
    return value?.trim() ? { value: value.trim(), source: 'config' } : { problem: blank(kind, `gateway.auth.${kind}`) }
  }
  return fromEnv ? { value: fromEnv, source: 'env' } : {}
}

const bothConfigured: AuthProblem = {
  text: 'Gateway failed to start: Invalid config: gateway.auth.token and gateway.auth.password are both configured, ' +
    'but gateway.auth.mode is unset. Set gateway.auth.mode to token or password.',
  next: 'For example: openclaw config set gateway.auth.mode token'
}

const explicitMode = ({ flags, config }: ResolveAuthOptions): Pick<GatewayAuth, 'mode' | 'modeSource'> | undefined => {
  if (flags.auth) return { mode: flags.auth, modeSource: 'override' }
  return config.auth?.mode && { mode: config.auth.mode, modeSource: 'config' }
}

/** A secret that this mode never compares is not fetched: a broken reference to it hinders nobody. */
const isNeeded = (kind: Kind, mode: AuthMode | undefined): boolean =>
  mode === undefined || mode === kind || (mode === 'trusted-proxy' && kind === 'password')

export async function resolveGatewayAuth (options: ResolveAuthOptions): Promise<GatewayAuth> {
  const explicit = explicitMode(options)
  const none: Resolved = {}
  const [token, password] = await Promise.all((['token', 'password'] as const)
    .map(kind => isNeeded(kind, explicit?.mode) ? resolveKind(kind, options) : none)) as [Resolved, Resolved]
  const { token: tokenConfig, password: passwordConfig } = options.config.auth ?? {}
  const problems = [token.problem, password.problem].filter(problem => problem !== undefined)
  if (!explicit && isSet(tokenConfig) && isSet(passwordConfig)) problems.push(bothConfigured)
  const derived: Pick<GatewayAuth, 'mode' | 'modeSource'> = password.value !== undefined
    ? { mode: 'password', modeSource: 'password' }
    : { mode: 'token', modeSource: token.value !== undefined ? 'token' : 'default' }
  return {
    ...(explicit ?? derived),
    ...(token.value === undefined ? {} : { token: token.value, tokenSource: token.source, tokenFingerprint: fingerprint(token.value) }),
    ...(password.value === undefined ? {} : { password: password.value, passwordSource: password.source }),
    problems
  }
}

export type SharedSecretVerdict =
  | { readonly ok: true, readonly method: Kind }
  | {
    readonly ok: false
    readonly reason: `${Kind}_${'missing' | 'mismatch' | 'missing_config'}`
    /** Only a wrong secret is an attempt; a missing one is not. */
    readonly counted: boolean
  }

const given = (value: string | undefined): string | undefined => value?.trim() || undefined

/**
 * The secret may arrive in either field; when both are filled, the one of the mode is compared. Behind a trusted proxy only the
 * password field counts: it is the local way in, and no token exists there.
 */
export function checkSharedSecret (
  auth: GatewayAuth, presented: { token?: string, password?: string }, equals: typeof secretsEqual = secretsEqual
): SharedSecretVerdict {
  const kind: Kind = auth.mode === 'token' ? 'token' : 'password'
  const secret = auth.mode === 'none' ? undefined : auth[kind]
  if (secret === undefined) return { ok: false, reason: `${kind}_missing_config`, counted: false }
  const other = auth.mode === 'trusted-proxy' ? undefined : given(presented[kind === 'token' ? 'password' : 'token'])
  const candidate = given(presented[kind]) ?? other
  if (candidate === undefined) return { ok: false, reason: `${kind}_missing`, counted: false }
  return equals(candidate, secret) ? { ok: true, method: kind } : { ok: false, reason: `${kind}_mismatch`, counted: true }
}
