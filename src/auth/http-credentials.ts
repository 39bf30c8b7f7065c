/** Who sends an HTTP request: the same credentials, limiter and verdicts as on the socket. */
import type { IncomingHttpHeaders } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { GatewayError } from '../protocol/errors.ts'
import { fullOperatorScopes, knownScopes, type Scope } from '../protocol/scopes.ts'
import { createCaller, sharedSecretCaller, type Caller } from './caller.ts'
import { cameThroughFunnel, sharedSecretCodes } from './connect-credentials.ts'
import type { Devices } from './devices/room.ts'
import { checkSharedSecret, type GatewayAuth } from './gateway-auth.ts'
import type { Ingress } from './ingress.ts'
import type { KeyProof } from './keys/proof.ts'
import { isApiKey } from './keys/secret-form.ts'
import { limiterSubject, type AttemptLimiter } from './limiter.ts'
import type { HostPolicy, OriginPolicy } from './origin.ts'
import type { TailscaleCheck } from './tailscale.ts'
import { createSecretCheck, PresentedSecret, secretsEqual } from './secret.ts'
import { proxyRefusal, readDeclaredScopes, type TrustedProxyCheck } from './trusted-proxy.ts'

export interface HttpAttempt {
  readonly ingress: Ingress
  readonly headers: IncomingHttpHeaders
  /** The value of `?token=`, when there is one. */
  readonly urlToken?: string
  /** What a page of the Control UI reads before it connects: here the word of tailscale is enough. */
  readonly pageRead?: boolean
}

export interface HttpCredentialOptions {
  readonly auth: () => GatewayAuth
  readonly localAdminToken: () => string
  readonly trustedProxy: () => TrustedProxyCheck
  readonly tailscale: TailscaleCheck
  readonly origins: () => OriginPolicy
  readonly hosts: () => HostPolicy
  readonly urlTokenFrom: () => 'local' | 'off' | 'always'
  readonly limiter: AttemptLimiter
  readonly devices: Devices
  readonly proveKey: KeyProof
}

export type HttpAuthenticator = (attempt: HttpAttempt) => Promise<Caller>

export function bearerOf (headers: IncomingHttpHeaders): string | undefined {
  const match = /^bearer +(\S(?:.*\S)?)\s*$/i.exec(headers.authorization ?? '')
  return match?.[1]
}

/** Where programs that were written for other services put their key. Nothing but an API key is taken from there. */
function apiKeyHeader (headers: IncomingHttpHeaders): string | undefined {
  const value = headers['x-api-key']
  return typeof value === 'string' && isApiKey(value) ? value : undefined
}

export function createHttpAuthenticator (options: HttpCredentialOptions): HttpAuthenticator {
  const { limiter, devices } = options
  const isLocalAdmin = createSecretCheck()
  const isSharedSecret = createSecretCheck()

  function checkOriginOf (ingress: Ingress): void {
    const verdict = options.origins()(ingress, { required: false })
    if (!verdict.ok) throw new GatewayError('CONTROL_UI_ORIGIN_NOT_ALLOWED', { details: { reason: verdict.reason } })
  }

  const where = (ingress: Ingress) => ({ address: ingress.clientAddress, local: ingress.local })

  /** A caller whom a proxy (or nobody) vouches for may narrow itself with x-openclaw-scopes; an empty header means no scope at all. */
  function narrowedScopes (headers: IncomingHttpHeaders): readonly Scope[] {
    const declared = readDeclaredScopes(headers)
    return declared ? knownScopes(declared) : fullOperatorScopes
  }

  function withoutCredential ({ ingress, headers }: HttpAttempt): Caller {
    checkOriginOf(ingress)
    if (cameThroughFunnel(headers)) throw new GatewayError('AUTH_REQUIRED')
    if (!options.hosts()(ingress)) throw new GatewayError('HOST_NOT_ALLOWED')
    return createCaller({ principal: 'anonymous', method: 'none', scopes: narrowedScopes(headers), ...where(ingress) })
  }

  function byProxy ({ ingress, headers }: HttpAttempt): Caller | GatewayError {
    const verdict = options.trustedProxy()(ingress, headers, { http: true })
    if (!verdict.ok) return proxyRefusal(verdict.reason)
    checkOriginOf(ingress)
    return createCaller({ principal: `user:${verdict.user}`, method: 'trusted-proxy', user: verdict.user, scopes: narrowedScopes(headers), ...where(ingress) })
  }

  /** Pages send no Origin with what they read from their own host, but then the browser says that it is their own. */
  async function byTailscale ({ ingress, headers }: HttpAttempt): Promise<Caller | undefined> {
    const verdict = await options.tailscale(ingress, headers)
    if (!verdict) return undefined
    if (!verdict.ok) throw new GatewayError(verdict.code)
    const foreign = ingress.origin === undefined && headers['sec-fetch-site'] !== 'same-origin'
    if (foreign) throw new GatewayError('CONTROL_UI_ORIGIN_NOT_ALLOWED', { details: { reason: 'origin missing or invalid' } })
    checkOriginOf(ingress)
    if (!options.hosts()(ingress)) throw new GatewayError('HOST_NOT_ALLOWED')
    return createCaller({ principal: `user:${verdict.user}`, method: 'tailscale', user: verdict.user, scopes: ['operator.read'], ...where(ingress) })
  }

  function presentedSecret ({ ingress, headers, urlToken }: HttpAttempt): string | undefined {
    const bearer = bearerOf(headers) ?? apiKeyHeader(headers)
    if (bearer !== undefined || urlToken === undefined) return bearer
    const allowed = options.urlTokenFrom()
    if (allowed === 'off' || (allowed === 'local' && !ingress.local)) throw new GatewayError('URL_TOKEN_NOT_ALLOWED')
    return urlToken
  }

  async function byKey (secret: string, ingress: Ingress): Promise<Caller> {
    const { principal, key, scopes, tokenHash } = await options.proveKey(new PresentedSecret(secret).hash, ingress)
    return createCaller({ principal, method: 'api-key', key, scopes, tokenHash, ...where(ingress) })
  }

  function byDeviceToken (secret: string, ingress: Ingress, tokenHash?: string): Caller | undefined {
    const verdict = devices.verifyBearer(secret, tokenHash)
    return verdict && createCaller({ principal: `device:${verdict.deviceId}`, method: 'device-token', ...verdict, ...where(ingress) })
  }

  async function bySecret (attempt: HttpAttempt, secret: string | undefined): Promise<Caller> {
    const { ingress } = attempt
    const auth = options.auth()
    if (secret === undefined) throw new GatewayError(auth.mode === 'password' ? 'AUTH_PASSWORD_MISSING' : 'AUTH_TOKEN_MISSING')
    if (isApiKey(secret)) return await byKey(secret, ingress)
    const presented = new PresentedSecret(secret)
    if (ingress.local && isLocalAdmin(presented, options.localAdminToken())) return sharedSecretCaller('local-admin', where(ingress))
    const own = byDeviceToken(secret, ingress, presented.hash)
    if (own) return own
    const subject = limiterSubject(ingress)
    const gate = limiter.check('shared-secret', subject)
    if (!gate.allowed) throw new GatewayError('AUTH_RATE_LIMITED', { retryAfterMs: gate.retryAfterMs })
    const verdict = checkSharedSecret(auth, { token: secret, password: secret }, (candidate, own) =>
      candidate === secret ? isSharedSecret(presented, own) : secretsEqual(candidate, own))
    if (verdict.ok) {
      limiter.recordSuccess('shared-secret', subject)
      return sharedSecretCaller(verdict.method, where(ingress))
    }
    if (verdict.counted) {
      const { delayMs } = limiter.recordFailure('shared-secret', subject)
      if (delayMs > 0) await sleep(delayMs)
    }
    throw new GatewayError(sharedSecretCodes[verdict.reason] ?? 'AUTH_UNAUTHORIZED')
  }

  return async attempt => {
    const { mode, password } = options.auth()
    if (mode === 'none' || mode === 'trusted-proxy') {
      // Whoever comes with a key of its own is that program, however this gateway tells people apart.
      const secret = bearerOf(attempt.headers) ?? apiKeyHeader(attempt.headers)
      if (secret !== undefined && isApiKey(secret)) return await byKey(secret, attempt.ingress)
    }
    if (mode === 'none') return withoutCredential(attempt)
    if (mode === 'trusted-proxy') {
      const identity = byProxy(attempt)
      if (!(identity instanceof GatewayError)) return identity
      const secret = presentedSecret(attempt)
      if (secret === undefined) throw identity
      if (!(attempt.ingress.local && password !== undefined)) {
        const own = byDeviceToken(secret, attempt.ingress)
        if (own) return own
        throw identity
      }
    }
    const secret = presentedSecret(attempt)
    const reader = secret === undefined && attempt.pageRead ? await byTailscale(attempt) : undefined
    return reader ?? bySecret(attempt, secret)
  }
}
