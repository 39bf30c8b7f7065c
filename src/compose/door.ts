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
import { createAttemptLimiter } from '../auth/limiter.ts'
import { createNonces, type Nonces } from '../auth/nonces.ts'
import { createHostPolicy, createOriginPolicy, effectiveOrigins, type HostPolicy, type OriginPolicy } from '../auth/origin.ts'
import { createTrustedProxyCheck } from '../auth/trusted-proxy.ts'
import type { GatewayConfig } from '../config/schema.ts'
import { createHttpAuth, type HttpAuth } from '../http/auth-hook.ts'
import type { BindTargets } from '../lib/bind-address.ts'
import { ownAddresses } from '../lib/own-addresses.ts'

export interface DoorOptions {
  readonly config: GatewayConfig
  readonly credential: Credential
  readonly bind: BindTargets
  readonly port: () => number
  readonly localAdminToken: string
  readonly devices: Devices
  readonly keys: () => Promise<Keys>
  readonly now: () => number
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
  /** The port is known now: origins of our own are told by it. */
  opened (): void
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

function createOrigins ({ config: { controlUi }, bind, port }: DoorOptions): { policy: OriginPolicy, rebuild: () => void } {
  const build = (): OriginPolicy => createOriginPolicy({
    allowedOrigins: effectiveOrigins(controlUi.allowedOrigins, bind.beyondLoopback, port()),
    port,
    hostHeaderFallback: controlUi.dangerouslyAllowHostHeaderOriginFallback,
    ownAddresses,
    hostname: hostname()
  })
  let policy = build()
  return { policy: (ingress, rule) => policy(ingress, rule), rebuild: () => { policy = build() } }
}

export function createDoor (options: DoorOptions): Door {
  const { config, credential, devices, now, port } = options
  const { policy: origins, rebuild } = createOrigins(options)
  const hosts = createHostPolicy({
    allowedHosts: config.http.allowedHosts,
    allowedOrigins: config.controlUi.allowedOrigins,
    publicOrigin: config.publicOrigin,
    ownAddresses,
    hostname: hostname()
  })
  const nonces = createNonces({ now })
  const trustedProxy = createTrustedProxyCheck({ config, ownAddresses, origins })
  const limiter = createAttemptLimiter({ settings: () => config.auth.rateLimit, now })
  const shared = {
    auth: credential.current,
    localAdminToken: () => options.localAdminToken,
    trustedProxy: () => trustedProxy,
    origins: () => origins,
    limiter,
    devices,
    proveKey: createKeyProof({ keys: options.keys, limiter })
  }
  return {
    attribute: createIngress({ trustedProxies: config.trustedProxies, allowRealIpFallback: config.allowRealIpFallback, port }),
    origins,
    hosts,
    nonces,
    takeNonce: nonce => nonces.take(nonce),
    authenticate: createConnectAuthenticator({
      devices,
      origins: () => origins,
      now,
      settings: () => ({ autoApproveLocal: config.nodes.pairing.autoApproveLocal, scopeSurplus: config.pairing.scopeSurplus }),
      credentials: createConnectCredentials({
        ...shared,
        identityScopes: () => config.auth.identityScopes as { [user: string]: string[] },
        tokenIssuer: credential.issuer
      })
    }),
    httpAuth: createHttpAuth(createHttpAuthenticator({ ...shared, hosts: () => hosts, urlTokenFrom: () => config.auth.urlToken })),
    opened: rebuild
  }
}
