/** Proves the credential of a connecting client: local administrator, proxy, shared secret, setup code, device token, in that order. */
import type { IncomingHttpHeaders } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectAuth } from '../protocol/connect.ts'
import { isBrowserUi, type Role } from '../protocol/client-info.ts'
import { GatewayError, type ErrorCode } from '../protocol/errors.ts'
import { isScope, knownScopes, type Scope } from '../protocol/scopes.ts'
import type { AuthMethod } from './caller.ts'
import type { ConnectAttempt } from './connect.ts'
import type { DeviceIdentityProof } from './device-proof.ts'
import type { Devices } from './devices/room.ts'
import type { RedeemVerdict } from './devices/setup-types.ts'
import type { TokenIssuer, TokenRefusal } from './devices/types.ts'
import { checkSharedSecret, type GatewayAuth } from './gateway-auth.ts'
import { isApiKey } from './keys/secret-form.ts'
import type { KeyProof } from './keys/proof.ts'
import type { ProvenKey } from './keys/room.ts'
import { limiterSubject, type AttemptLimiter, type AttemptScope, type LimiterSubject } from './limiter.ts'
import { hashToken, secretsEqual } from './secret.ts'
import type { TailscaleCheck } from './tailscale.ts'
import { proxyRefusal, readDeclaredScopes, type TrustedProxyCheck } from './trusted-proxy.ts'

export interface ProvenCredential {
  readonly method: AuthMethod
  readonly principal: string
  readonly user?: string
  /** What a proxy lets this user have at most. */
  readonly scopeCeiling?: readonly Scope[]
  /** What the server gives this user without a device. */
  readonly identityScopes?: readonly Scope[]
  /** Ties tokens of browsers to the secret that they were got with. */
  readonly issuer?: TokenIssuer
  /** The setup code that let this device in, with the tokens it is good for. */
  readonly setup?: Extract<RedeemVerdict, { ok: true }>
  /** The API key that a program came with; it decides alone what is granted. */
  readonly key?: ProvenKey
  /** False once the gateway has another secret than the one this was held against. */
  inForce (): boolean
}

type Proven = Omit<ProvenCredential, 'inForce'>

export interface ConnectCredentials {
  mayHoldCredential (attempt: ConnectAttempt): boolean
  prove (attempt: ConnectAttempt, role: Role, proof: DeviceIdentityProof | undefined): Promise<ProvenCredential>
}

export interface ConnectCredentialOptions {
  readonly auth: () => GatewayAuth
  readonly localAdminToken: () => string
  readonly trustedProxy: () => TrustedProxyCheck
  readonly tailscale: TailscaleCheck
  readonly identityScopes: () => { readonly [user: string]: readonly string[] }
  readonly tokenIssuer: () => TokenIssuer | undefined
  readonly limiter: AttemptLimiter
  readonly devices: Devices
  readonly proveKey: KeyProof
}

/** Why the shared secret did not do, as the code that the client gets. */
export const sharedSecretCodes: { readonly [reason: string]: ErrorCode } = {
  token_missing: 'AUTH_TOKEN_MISSING',
  token_mismatch: 'AUTH_TOKEN_MISMATCH',
  token_missing_config: 'AUTH_TOKEN_NOT_CONFIGURED',
  password_missing: 'AUTH_PASSWORD_MISSING',
  password_mismatch: 'AUTH_PASSWORD_MISMATCH',
  password_missing_config: 'AUTH_PASSWORD_NOT_CONFIGURED'
}

/** Who tries, with what, and whose count a failure goes to. */
interface Trial {
  readonly attempt: ConnectAttempt
  readonly role: Role
  readonly subject: LimiterSubject
}
interface DeviceTrial extends Trial {
  readonly proof: DeviceIdentityProof
}

/** The shared secret did not do; `counted` when what was presented was wrong rather than absent. */
interface SharedSecretRefusal {
  readonly refusal: GatewayError
  readonly counted: boolean
}

const present = (value: string | undefined): value is string => value !== undefined && value.trim() !== ''

const presentsAnything = (auth: ConnectAuth | undefined): boolean => Object.values(auth ?? {}).some(value => present(value))

/** Case says nothing in a mail address; in other names it may be what tells two people apart. */
const isSameUser = (a: string, b: string): boolean => a === b || (a.includes('@') && a.toLowerCase() === b.toLowerCase())

/** The whole internet, by the word of the proxy that let it in. */
export const cameThroughFunnel = (headers: IncomingHttpHeaders): boolean => headers['tailscale-funnel-request'] !== undefined

const isSameAuth = (a: GatewayAuth, b: GatewayAuth): boolean =>
  a === b || (a.mode === b.mode && a.token === b.token && a.password === b.password)

const rateLimited = (retryAfterMs: number): GatewayError => new GatewayError('AUTH_RATE_LIMITED', { retryAfterMs })

export function createConnectCredentials (options: ConnectCredentialOptions): ConnectCredentials {
  const { limiter, devices } = options

  async function punish (scope: AttemptScope, subject: LimiterSubject): Promise<void> {
    const { delayMs } = limiter.recordFailure(scope, subject)
    if (delayMs > 0) await sleep(delayMs)
  }

  function proxyIdentity (attempt: ConnectAttempt): Proven | GatewayError {
    const verdict = options.trustedProxy()(attempt.ingress, attempt.headers, { http: false })
    if (!verdict.ok) return proxyRefusal(verdict.reason)
    return person('trusted-proxy', verdict.user, verdict.declaredScopes)
  }

  function person (method: AuthMethod, name: string, declaredScopes: readonly string[] | undefined): Proven {
    const own = Object.entries(options.identityScopes()).find(([user]) => isSameUser(user, name))?.[1] ?? []
    return {
      method,
      principal: `user:${name}`,
      user: name,
      identityScopes: own.filter(isScope),
      ...(declaredScopes ? { scopeCeiling: knownScopes(declaredScopes) } : {}),
      issuer: options.tokenIssuer()
    }
  }

  /** Only for those who bring nothing of their own: whoever presents a credential is judged by it. */
  async function tailscaleIdentity ({ ingress, headers, params }: ConnectAttempt): Promise<Proven | undefined> {
    if (presentsAnything(params.auth)) return undefined
    const verdict = await options.tailscale(ingress, headers)
    if (verdict && !verdict.ok) throw new GatewayError(verdict.code)
    return verdict && person('tailscale', verdict.user, readDeclaredScopes(headers))
  }

  /** The secret itself. A proved, paired device has a count of its own, so a locked address does not lock it out. */
  function sharedSecret (credentials: ConnectAuth, subject: LimiterSubject): Proven | SharedSecretRefusal {
    const gate = limiter.check('shared-secret', subject)
    const presented = present(credentials.token) || present(credentials.password)
    if (!gate.allowed && presented) return { refusal: rateLimited(gate.retryAfterMs), counted: false }
    const verdict = checkSharedSecret(options.auth(), credentials)
    if (verdict.ok) {
      limiter.recordSuccess('shared-secret', subject)
      return { method: verdict.method, principal: 'shared-secret', issuer: options.tokenIssuer() }
    }
    return { refusal: new GatewayError(sharedSecretCodes[verdict.reason] ?? 'AUTH_UNAUTHORIZED'), counted: verdict.counted }
  }

  /** A code belongs to one client and cannot be guessed, so a right one is good in a place that others have been shut out from. */
  async function setupCode ({ attempt, role, proof, subject }: DeviceTrial): Promise<Proven> {
    const { params, ingress } = attempt
    const redeemed = await devices.redeem({
      token: params.auth!.bootstrapToken!,
      deviceId: proof.deviceId,
      publicKey: proof.publicKey,
      role,
      scopes: knownScopes(params.scopes ?? []),
      client: params.client,
      remoteAddress: ingress.clientAddress
    })
    if (!redeemed.ok) {
      const gate = limiter.check('bootstrap-token', subject)
      if (!gate.allowed) throw rateLimited(gate.retryAfterMs)
      await punish('bootstrap-token', subject)
      throw new GatewayError('AUTH_BOOTSTRAP_TOKEN_INVALID')
    }
    limiter.recordSuccess('bootstrap-token', subject)
    return { method: 'bootstrap-token', principal: `device:${proof.deviceId}`, setup: redeemed }
  }

  function deviceToken ({ attempt, role, proof }: DeviceTrial, token: string): Proven | TokenRefusal {
    const verdict = devices.verifyToken({
      deviceId: proof.deviceId,
      publicKey: proof.publicKey,
      role,
      token,
      scopes: role === 'node' ? [] : knownScopes(attempt.params.scopes ?? []),
      browser: isBrowserUi(attempt.params.client),
      currentIssuer: options.tokenIssuer()
    })
    // A token opens what it was made for, even where its device was approved for more.
    return verdict.ok
      ? { method: 'device-token', principal: `device:${proof.deviceId}`, scopeCeiling: verdict.record.scopes }
      : verdict.reason
  }

  /** The last resort of a client that proved a device: its own token, in its own field or where the shared one was expected. */
  async function proveByDeviceToken (trial: DeviceTrial, shared: SharedSecretRefusal): Promise<Proven> {
    const { attempt, subject } = trial
    const explicit = attempt.params.auth?.deviceToken
    const candidate = present(explicit) ? explicit : attempt.params.auth?.token
    if (!present(candidate)) return refuse(trial, shared, true)
    const gate = limiter.check('device-token', subject)
    if (!gate.allowed) throw rateLimited(gate.retryAfterMs)
    const verdict = deviceToken(trial, candidate)
    if (typeof verdict !== 'string') {
      limiter.recordSuccess('device-token', subject)
      // Its own token lets it in, but beside it stood a guess at the secret of the gateway.
      if (present(explicit) && shared.counted) await punish('shared-secret', subject)
      return verdict
    }
    if (verdict === 'scope-mismatch') throw new GatewayError('AUTH_SCOPE_MISMATCH')
    if (!present(explicit)) return refuse(trial, shared, true)
    if (shared.counted) limiter.recordFailure('shared-secret', subject)
    await punish('device-token', subject)
    throw new GatewayError('AUTH_DEVICE_TOKEN_MISMATCH')
  }

  async function refuse ({ attempt, subject }: Trial, shared: SharedSecretRefusal, hasDevice: boolean): Promise<never> {
    if (shared.counted) await punish('shared-secret', subject)
    const { token, password, deviceToken: explicit } = attempt.params.auth ?? {}
    const couldRetry = hasDevice && present(token) && !present(password) && !present(explicit)
    if (shared.refusal.code === 'AUTH_TOKEN_MISMATCH' && couldRetry) {
      throw new GatewayError('AUTH_TOKEN_MISMATCH', { recommended: 'retry_with_device_token' })
    }
    throw shared.refusal
  }

  /** Whoever comes with a key of its own is that program, however this gateway tells people apart. */
  async function apiKey (secret: string, { ingress }: ConnectAttempt, role: Role): Promise<ProvenCredential> {
    const key = await options.proveKey(hashToken(secret), ingress)
    if (role !== 'operator') throw new GatewayError('AUTH_KEY_ROLE')
    return { method: 'api-key', principal: key.principal, key, inForce: key.isInForce }
  }

  function withoutCredential ({ ingress, headers }: ConnectAttempt): Proven {
    // A loopback socket with a foreign Host is a page that rebound its name to us: without a credential nothing tells it apart.
    if (ingress.kind === 'direct-local' && !ingress.local) throw new GatewayError('HOST_NOT_ALLOWED')
    if (cameThroughFunnel(headers)) throw new GatewayError('AUTH_REQUIRED')
    return { method: 'none', principal: 'anonymous' }
  }

  async function proveAgainst (auth: GatewayAuth, attempt: ConnectAttempt, role: Role, proof?: DeviceIdentityProof): Promise<Proven> {
    const { ingress } = attempt
    const presented = attempt.params.auth ?? {}
    if (ingress.local && present(presented.token) && secretsEqual(presented.token, options.localAdminToken())) {
      return { method: 'local-admin', principal: 'local-admin' }
    }
    if (auth.mode === 'none') return withoutCredential(attempt)
    const knownDevice = proof && devices.isPaired(proof.deviceId, proof.publicKey) ? proof.deviceId : undefined
    const subject = limiterSubject(ingress, knownDevice)
    let shared: SharedSecretRefusal | undefined
    if (auth.mode === 'trusted-proxy') {
      const identity = proxyIdentity(attempt)
      if (!(identity instanceof GatewayError)) return identity
      const mayFallBack = ingress.local && present(presented.password) && auth.password !== undefined
      if (!mayFallBack) shared = { refusal: identity, counted: false }
    }
    const identity = shared ? undefined : await tailscaleIdentity(attempt)
    if (identity) return identity
    if (!shared) {
      const verdict = sharedSecret(presented, subject)
      if (!('refusal' in verdict)) return verdict
      shared = verdict
    }
    if (!proof) return refuse({ attempt, role, subject }, shared, false)
    const trial = { attempt, role, proof, subject }
    if (present(presented.bootstrapToken)) {
      if (shared.counted) limiter.recordFailure('shared-secret', subject)
      return setupCode(trial)
    }
    return proveByDeviceToken(trial, shared)
  }

  return {
    mayHoldCredential ({ params, ingress }) {
      const { mode } = options.auth()
      return mode === 'none' || (mode === 'trusted-proxy' && ingress.kind === 'trusted-proxy') ||
        ingress.kind === 'tailscale-serve' || presentsAnything(params.auth)
    },

    async prove (attempt, role, proof) {
      const secret = attempt.params.auth?.token ?? ''
      if (isApiKey(secret)) return await apiKey(secret, attempt, role)
      const auth = options.auth()
      const proven = await proveAgainst(auth, attempt, role, proof)
      return { ...proven, inForce: () => isSameAuth(auth, options.auth()) }
    }
  }
}
