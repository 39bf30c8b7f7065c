import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { createConnectAuthenticator, type Admission, type ConnectAttempt } from '../auth/connect.ts'
import { createConnectCredentials } from '../auth/connect-credentials.ts'
import type { NonceCheck } from '../auth/device-proof.ts'
import type { Devices } from '../auth/devices/room.ts'
import type { TokenIssuer } from '../auth/devices/types.ts'
import type { GatewayAuth } from '../auth/gateway-auth.ts'
import { createHttpAuthenticator } from '../auth/http-credentials.ts'
import { createIngress } from '../auth/ingress.ts'
import { createKeyProof } from '../auth/keys/proof.ts'
import type { Keys } from '../auth/keys/room.ts'
import { createAttemptLimiter, type AttemptLimiter } from '../auth/limiter.ts'
import { createNonces, type Nonces } from '../auth/nonces.ts'
import { createHostPolicy, createOriginPolicy, effectiveOrigins, type HostPolicy, type OriginPolicy } from '../auth/origin.ts'
import { createTrustedProxyCheck, type TrustedProxyCheck } from '../auth/trusted-proxy.ts'
import type { GatewayConfig } from '../config/schema.ts'
import { createHttpAuth, type HttpAuth } from '../http/auth-hook.ts'
import type { BindTargets } from '../lib/bind-address.ts'
import { ownAddresses } from '../lib/own-addresses.ts'
import type { Tailscale } from './tailscale.ts'
import type { DoorWatch } from './watch/door.ts'

export interface DoorOptions {
  readonly config: () => GatewayConfig
  readonly credential: Credential
  readonly bind: BindTargets
  readonly port: () => number
  readonly localAdminToken: string
  readonly devices: Devices
  readonly keys: () => Promise<Keys>
  readonly now: () => number
  readonly steady: () => number
  readonly watch: DoorWatch
  readonly tailscale: Tailscale
}

/** Everything that decides who comes in, for sockets and for HTTP alike. */
export interface Door {
  readonly attribute: ReturnType<typeof createIngress>
  readonly origins: OriginPolicy
  readonly hosts: HostPolicy
  readonly nonces: Nonces
  readonly takeNonce: NonceCheck
  readonly authenticate: (attempt: ConnectAttempt) => Promise<Admission>
  readonly httpAuth: HttpAuth
  /** How many places have failed lately. */
  readonly limiter: Pick<AttemptLimiter, 'list'>
  /** The port is known now, or the configuration has changed: what was read off them is read again. */
  rebuild (): void
}

/** The secret in force, and what names it to tokens that end with it. */
export interface Credential {
  current (): GatewayAuth
  issuer (): TokenIssuer | undefined
  /** True when what it was before no longer opens anything. */
  replace (next: GatewayAuth): boolean
}

export function createCredential (first: GatewayAuth): Credential {
  let auth = first
  let issuer = issuerOf(first)
  return {
    current: () => auth,
    issuer: () => issuer,
    replace (next) {
      const before = auth
      auth = next
      issuer = issuerOf(next)
      return before.token !== next.token || before.password !== next.password || before.mode !== next.mode
    }
  }
}

function issuerOf (auth: GatewayAuth): TokenIssuer | undefined {
  const secret = auth.mode === 'password' ? auth.password : auth.token
  return secret === undefined
    ? undefined
    : { kind: 'shared-gateway-auth', generation: createHash('sha256').update(`${auth.mode}\0${secret}`).digest('base64url') }
}

/** What is made of the configuration once, because every request asks for it. */
interface Rules {
  readonly attribute: Door['attribute']
  readonly origins: OriginPolicy
  readonly hosts: HostPolicy
  readonly trustedProxy: TrustedProxyCheck
}

function createRules ({ config, bind, port, tailscale }: DoorOptions): Rules {
  const { controlUi, http, tls, publicOrigin, trustedProxies, allowRealIpFallback, auth } = config()
  const origins = createOriginPolicy({
    allowedOrigins: effectiveOrigins(controlUi.allowedOrigins, bind.beyondLoopback, port(), tls.enabled ? 'https' : 'http'),
    port,
    hostHeaderFallback: controlUi.dangerouslyAllowHostHeaderOriginFallback,
    ownAddresses,
    hostname: hostname()
  })
  return {
    origins,
    hosts: createHostPolicy({
      allowedHosts: http.allowedHosts, allowedOrigins: controlUi.allowedOrigins, publicOrigin, ownAddresses, hostname: hostname()
    }),
    trustedProxy: createTrustedProxyCheck({ config: { trustedProxies, auth }, ownAddresses, origins }),
    attribute: createIngress({ trustedProxies, allowRealIpFallback, port, tailscale: tailscale.mode() })
  }
}

export function createDoor (options: DoorOptions): Door {
  const { config, credential, devices, now, steady, watch } = options
  let rules = createRules(options)
  const origins: OriginPolicy = (ingress, rule) => rules.origins(ingress, rule)
  const hosts: HostPolicy = ingress => rules.hosts(ingress)
  const nonces = createNonces({ now, steady })
  const limiter = createAttemptLimiter({ settings: () => config().auth.rateLimit, now: steady })
  const shared = {
    auth: credential.current,
    localAdminToken: () => options.localAdminToken,
    trustedProxy: () => rules.trustedProxy,
    tailscale: options.tailscale.check,
    origins: () => origins,
    limiter,
    devices,
    proveKey: createKeyProof({ keys: options.keys, limiter })
  }
  return {
    attribute: facts => rules.attribute(facts),
    origins,
    hosts,
    nonces,
    takeNonce: nonce => nonces.take(nonce),
    limiter,
    authenticate: watch.sockets(createConnectAuthenticator({
      devices,
      origins: () => origins,
      now,
      settings: () => ({ autoApproveLocal: config().nodes.pairing.autoApproveLocal, scopeSurplus: config().pairing.scopeSurplus }),
      credentials: createConnectCredentials({
        ...shared,
        identityScopes: () => config().auth.identityScopes as { [user: string]: string[] },
        tokenIssuer: credential.issuer
      })
    })),
    httpAuth: createHttpAuth(watch.http(createHttpAuthenticator({
      ...shared, hosts: () => hosts, urlTokenFrom: () => config().auth.urlToken
    }))),
    rebuild () { rules = createRules(options) }
  }
}
