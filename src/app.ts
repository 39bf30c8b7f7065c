/** The composition root: builds the rooms in order, hands each what it needs, and takes them down again in reverse. */
import { createHash, randomUUID } from 'node:crypto'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { createConnectAuthenticator } from './auth/connect.ts'
import { createConnectCredentials } from './auth/connect-credentials.ts'
import { createDevices } from './auth/devices/devices.ts'
import type { TokenIssuer } from './auth/devices/types.ts'
import type { GatewayAuth } from './auth/gateway-auth.ts'
import { createHttpAuthenticator } from './auth/http-credentials.ts'
import { createIngress } from './auth/ingress.ts'
import { createAttemptLimiter } from './auth/limiter.ts'
import { createNonces } from './auth/nonces.ts'
import { createHostPolicy, createOriginPolicy, type OriginPolicy } from './auth/origin.ts'
import { createTrustedProxyCheck } from './auth/trusted-proxy.ts'
import { agentEntries, defaultAgentId } from './config/agent-entries.ts'
import type { LoadedConfig } from './config/load.ts'
import type { Paths } from './config/paths.ts'
import { createEventBus } from './events/bus.ts'
import { createEventLoopMonitor } from './host/event-loop.ts'
import { createHealth, type AgentFacts } from './host/health.ts'
import { createLifecycle } from './host/lifecycle.ts'
import { createPresence } from './host/presence.ts'
import { readSystemInfo } from './host/system-info.ts'
import { createHttpAuth } from './http/auth-hook.ts'
import { allowCrossOrigin } from './http/cross-origin.ts'
import { createHttp } from './http/server.ts'
import type { BindTargets } from './lib/bind-address.ts'
import { loadOrCreateDeviceIdentity } from './lib/device-identity.ts'
import { openListeners, type Listeners } from './listeners.ts'
import type { Logging } from './log/logger.ts'
import { tailLog } from './log/tail.ts'
import { createWireLog } from './log/wire-log.ts'
import { methodTable } from './methods/index.ts'
import type { Rooms } from './methods/rooms.ts'
import { closeCodes } from './protocol/close-codes.ts'
import { createRpc } from './rpc/rpc.ts'
import { registerDeviceNonce } from './routes/device-nonce.ts'
import { registerInfo } from './routes/info.ts'
import { registerProbes } from './routes/probes.ts'
import type { Store } from './store/store.ts'

export interface GatewayOptions {
  readonly loaded: LoadedConfig
  readonly paths: Paths
  readonly auth: GatewayAuth
  readonly bind: BindTargets
  /** 0 picks a free port. */
  readonly port: number
  /** The bind, already open. Without them `start` opens it. */
  readonly listeners?: Listeners
  readonly store: Store
  readonly logging: Logging
  readonly localAdminToken: string
  readonly version: string
  readonly env: { readonly [name: string]: string | undefined }
  readonly verbose?: boolean
  readonly now?: () => number
}

export interface Gateway {
  readonly fastify: FastifyInstance
  start (): Promise<{ port: number, addresses: readonly string[] }>
  /** Tells every client, lets go of every socket and file. Twice is safe. */
  stop (reason?: 'gateway stopping' | 'gateway restarting'): Promise<void>
  /** Swaps the credential of the gateway; whoever came in with the old one is out. */
  replaceAuth (auth: GatewayAuth): void
  readonly rooms: Rooms
}

const ownAddresses = (): string[] => Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address))

/**
 * Behind a published port of a container a page on this machine reaches us from another address, so binds beyond loopback know our
 * own localhost origins unless the configuration lists origins itself. Remote origins are never derived.
 */
export const allowedOriginsOf = (configured: readonly string[], bind: BindTargets, port: number): readonly string[] =>
  configured.length > 0 || !bind.beyondLoopback ? configured : [`http://localhost:${port}`, `http://127.0.0.1:${port}`]

/** Names the secret that browser tokens were got with; it changes when the secret does. */
function issuerOf (auth: GatewayAuth): TokenIssuer | undefined {
  const secret = auth.mode === 'password' ? auth.password : auth.token
  return secret === undefined
    ? undefined
    : { kind: 'shared-gateway-auth', generation: createHash('sha256').update(`${auth.mode}\0${secret}`).digest('base64url') }
}

export async function createGateway (options: GatewayOptions): Promise<Gateway> {
  const { loaded, paths, logging, store, version, now = Date.now } = options
  const { gateway } = loaded.config
  const log = logging.child('gateway')
  const bootId = randomUUID()
  let auth = options.auth
  let listeners = options.listeners
  const port = (): number => listeners?.port ?? options.port

  const events = createEventBus((err, event) => log.error({ err, event }, 'an event listener failed'))
  const lifecycle = createLifecycle({ now, checks: { 'state-database': () => store.status().writable } })
  const eventLoop = createEventLoopMonitor({
    now,
    onBlocked: delayMs => log.warn({ delayMs, lastMethod: rpc.lastMethod() }, 'the event loop stood still')
  })
  const presence = createPresence({
    now, version, bootId, announce: entries => events.emit('presence', { presence: entries }, { stateVersion: stateVersion() })
  })
  const agents = (): AgentFacts[] => {
    const defaultId = defaultAgentId(loaded.config)
    return agentEntries(loaded.config).map(({ id, name }) => ({ agentId: id, ...(name ? { name } : {}), isDefault: id === defaultId }))
  }
  const health = createHealth({
    now,
    eventLoop,
    sources: {
      agents,
      sessionStore: () => ({ path: 'state.sqlite', count: 0 })
    },
    onRefreshed: snapshot => queueMicrotask(() => events.emit('health', snapshot, { stateVersion: stateVersion() }))
  })
  const stateVersion = () => ({ presence: presence.version(), health: health.version() })

  const devices = await createDevices({
    store,
    stateDir: paths.stateDir,
    now,
    settings: () => gateway.pairing,
    currentIssuer: () => issuerOf(auth),
    notice: text => log.warn(text),
    isConnected: deviceId => rpc.connections.connectedDeviceIds().has(deviceId),
    emit: (event, payload) => events.emit(event, payload),
    invalidate: (target, reason) => rpc.invalidate(target, reason)
  })
  const limiter = createAttemptLimiter({ settings: () => gateway.auth.rateLimit, now })
  const nonces = createNonces({ now })
  const buildOrigins = (): OriginPolicy => createOriginPolicy({
    allowedOrigins: allowedOriginsOf(gateway.controlUi.allowedOrigins, options.bind, port()),
    port,
    hostHeaderFallback: gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback,
    ownAddresses,
    hostname: hostname()
  })
  let originPolicy = buildOrigins()
  const origins: OriginPolicy = (ingress, rule) => originPolicy(ingress, rule)
  const hosts = createHostPolicy({
    allowedHosts: gateway.http.allowedHosts,
    allowedOrigins: gateway.controlUi.allowedOrigins,
    publicOrigin: gateway.publicOrigin,
    ownAddresses,
    hostname: hostname()
  })
  const trustedProxy = createTrustedProxyCheck({ config: gateway, ownAddresses, origins })
  const shared = {
    auth: () => auth,
    localAdminToken: () => options.localAdminToken,
    trustedProxy: () => trustedProxy,
    origins: () => origins,
    limiter,
    devices
  }
  const authenticate = createConnectAuthenticator({
    devices,
    origins: () => origins,
    now,
    settings: () => ({ autoApproveLocal: gateway.nodes.pairing.autoApproveLocal, scopeSurplus: gateway.pairing.scopeSurplus }),
    credentials: createConnectCredentials({
      ...shared,
      identityScopes: () => gateway.auth.identityScopes as { [user: string]: string[] },
      tokenIssuer: () => issuerOf(auth)
    })
  })
  const httpAuth = createHttpAuth(createHttpAuthenticator({ ...shared, hosts: () => hosts, urlTokenFrom: () => gateway.auth.urlToken }))

  const rooms: Rooms = {
    version,
    now,
    health,
    presence,
    lifecycle,
    eventLoop,
    events,
    devices,
    connections: undefined as never,
    config: () => loaded,
    agents,
    tailLog: async params => {
      const file = logging.filePath()
      if (file === null) return { file: '(no log file)', cursor: 0, size: 0, lines: [], truncated: false, reset: false }
      return tailLog({ file, ...params, redact: logging.redactor.redactText })
    },
    gatewayIdentity: async () => {
      const identity = await loadOrCreateDeviceIdentity(join(paths.stateDir, 'identity', 'gateway.json'))
      return { deviceId: identity.deviceId, publicKey: identity.publicKey }
    },
    authMode: () => auth.mode,
    systemInfo: () => readSystemInfo({ port, bootId, stateDir: paths.stateDir, uptimeMs: lifecycle.uptimeMs }),
    reachableUrl: publicUrl => reachable(publicUrl)
  }

  function reachable (publicUrl?: string): ReturnType<Rooms['reachableUrl']> {
    const secure = (url: string): string => url.replace(/^http/, 'ws')
    if (publicUrl) return { url: secure(publicUrl), source: 'request', alternatives: [] }
    if (gateway.publicOrigin) return { url: secure(gateway.publicOrigin), source: 'gateway.publicOrigin', alternatives: [] }
    const lan = options.bind.beyondLoopback ? ownAddresses().filter(address => !address.includes(':') && !address.startsWith('127.')) : []
    const [first = '127.0.0.1', ...others] = lan
    return { url: `ws://${first}:${port()}`, source: options.bind.bind, alternatives: others.map(address => `ws://${address}:${port()}`) }
  }

  const rpc = createRpc<Rooms>({
    methods: methodTable,
    rooms,
    now,
    log: logging.child('ws'),
    wireLog: createWireLog({ logger: logging.child('ws'), verbose: options.verbose ?? false, now }),
    lifecycle,
    events,
    authenticate,
    takeHttpNonce: nonce => nonces.take(nonce),
    limits: () => gateway.limits,
    handshakeTimeoutMs: () => gateway.handshakeTimeoutMs,
    server: { version, bootId },
    presence,
    snapshot: {
      presence: ({ caller }) => caller?.role === 'node' || !caller?.allows.has('operator.read') ? '[]' : presence.json(),
      health: () => health.json(),
      stateVersion,
      uptimeMs: lifecycle.uptimeMs,
      authMode: () => auth.mode,
      appliedConfigHash: () => loaded.hash ?? null,
      sessionDefaults: () => ({
        defaultAgentId: health.snapshot().defaultAgentId,
        mainKey: 'main',
        mainSessionKey: `agent:${health.snapshot().defaultAgentId}:main`,
        scope: 'per-sender'
      }),
      paths: () => ({ configPath: paths.configPath, stateDir: paths.stateDir })
    }
  })
  Object.assign(rooms, { connections: rpc.connections })

  const fastify = await createHttp({
    loggerInstance: logging.child('http'),
    config: gateway,
    attribute: createIngress({ trustedProxies: gateway.trustedProxies, allowRealIpFallback: gateway.allowRealIpFallback, port }),
    hosts: () => hosts,
    origins: () => origins
  })
  await rpc.register(fastify)
  registerProbes(fastify, { lifecycle, auth: httpAuth, authMode: () => auth.mode, version, eventLoop })
  await fastify.register(async scope => {
    await allowCrossOrigin(scope, gateway, ['/api/device/nonce', '/control-ui-config.json'])
    registerDeviceNonce(scope, { nonces })
    registerInfo(scope, {
      auth: httpAuth,
      version,
      defaultAgent: () => {
        const agent = agents().find(({ isDefault }) => isDefault)
        return { id: agent?.agentId ?? 'main', name: agent?.name }
      }
    })
  })

  let stopped: Promise<void> | undefined
  async function stopAll (reason: string): Promise<void> {
    lifecycle.stopping()
    await rpc.shutdown(reason, gateway.shutdown.drainMs)
    await listeners?.close()
    await fastify.close()
    eventLoop.stop()
    await devices.close()
    await store.close()
  }

  return {
    fastify,
    rooms,
    async start () {
      await fastify.ready()
      listeners ??= await openListeners(options.bind, options.port)
      listeners.lead(fastify.server, err => log.warn({ err }, 'a socket could not be accepted'))
      originPolicy = buildOrigins()
      lifecycle.ready()
      rpc.startTicking()
      return { port: listeners.port, addresses: listeners.addresses }
    },
    stop (reason = 'gateway stopping') {
      stopped ??= stopAll(reason)
      return stopped
    },
    replaceAuth (next) {
      const before = auth
      auth = next
      if (before.token !== next.token || before.password !== next.password || before.mode !== next.mode) {
        rpc.disconnect(({ method }) => method === 'token' || method === 'password' || method === 'none', closeCodes.clientInvalidated, 'gateway auth changed')
      }
    }
  }
}
