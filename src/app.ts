/** The composition root: builds the rooms in order, hands each what it needs, and takes them down again in reverse. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { createDevices } from './auth/devices/devices.ts'
import type { GatewayAuth } from './auth/gateway-auth.ts'
import { composeAnnouncement } from './compose/announcement.ts'
import { composeAutomation } from './compose/automation.ts'
import { composeChannels } from './compose/channels.ts'
import { createCredential, createDoor } from './compose/door.ts'
import { composeConversation } from './compose/conversation.ts'
import { createHost } from './compose/host.ts'
import { composeNodePort } from './compose/node-port.ts'
import type { PartOptions, Parts } from './compose/parts.ts'
import { composePluginDoor, composePlugins } from './compose/plugins.ts'
import { composeKeys } from './compose/keys.ts'
import { composeRooms, hasApprover } from './compose/rooms.ts'
import { composeSnapshot } from './compose/snapshot.ts'
import { registerPrograms } from './compose/programs.ts'
import { composeTailscale } from './compose/tailscale.ts'
import { composeReload, type ReloadPorts } from './compose/reload.ts'
import { composeNumbers } from './compose/watch/numbers.ts'
import { composeWatch } from './compose/watch/watch.ts'
import { createLiveConfig } from './config/live-config.ts'
import type { GatewayConfig } from './config/schema.ts'
import { createEventBus } from './events/bus.ts'
import { allowCrossOrigin } from './http/cross-origin.ts'
import { createHttp } from './http/server.ts'
import { steadyNow } from './lib/clock.ts'
import { openListeners, type Listeners } from './listeners.ts'
import { createWireLog } from './log/wire-log.ts'
import { methodTable } from './methods/index.ts'
import { createOwnRights } from './methods/own-rooms.ts'
import type { Rooms } from './methods/rooms.ts'
import { closeCodes } from './protocol/close-codes.ts'
import type { MoreMethods } from './rpc/define-method.ts'
import { createRpc, type Rpc } from './rpc/rpc.ts'
import { registerAdminRpc } from './routes/admin-rpc.ts'
import { registerDeviceNonce } from './routes/device-nonce.ts'
import { registerInfo } from './routes/info.ts'
import { registerProbes } from './routes/probes.ts'
import { registerToolsInvoke } from './routes/tools-invoke.ts'
import { maySeeKey } from './sessions/ownership.ts'

export interface GatewayOptions extends PartOptions, ReloadPorts {
  /** The bind, already open. Without them `start` opens it. */
  readonly listeners?: Listeners
}

/** For the answers to requests whose runs were put down. */
const lastAnswersMs = 100

export interface Gateway {
  readonly fastify: FastifyInstance
  start (): Promise<{ port: number, addresses: readonly string[] }>
  /** Tells every client, lets go of every socket and file. Twice is safe. */
  stop (reason?: 'gateway stopping' | 'gateway restarting'): Promise<void>
  /** Swaps the credential of the gateway; whoever came in with the old one is out. */
  replaceAuth (auth: GatewayAuth): void
  readonly rooms: Rooms
}

const secretsOf = ({ token, password }: GatewayAuth, { localAdminToken }: GatewayOptions) => [token, password, localAdminToken]
const gatewayConfig = ({ live }: Pick<Parts, 'live'>): GatewayConfig => live.current().config.gateway

function composeRpc (parts: Parts, devices: Rooms['devices']): Rpc<Rooms> {
  const { options, host, door, now, steady, events, conversation } = parts
  const { logging, paths, version, verbose = false } = options
  const { presence, lifecycle } = host
  return createRpc<Rooms>({
    methods: methodTable,
    own: createOwnRights(),
    more: parts.plugins as MoreMethods<Rooms>,
    rooms: connections => composeRooms(parts, { devices, connections }),
    now,
    steady,
    log: logging.child('ws'),
    wireLog: createWireLog({ logger: logging.child('ws'), verbose, now: steady }),
    lifecycle,
    events,
    authenticate: door.authenticate,
    takeHttpNonce: door.takeNonce,
    limits: () => gatewayConfig(parts).limits,
    handshakeTimeoutMs: () => gatewayConfig(parts).handshakeTimeoutMs,
    server: { version, bootId: parts.bootId },
    presence,
    follows: conversation.sessions.subscribers.hears,
    maySee: (caller, sessionKey) => maySeeKey(caller, sessionKey, conversation.sessions.get),
    onEnded: ({ id }) => conversation.connectionEnded(id),
    snapshot: composeSnapshot({ host, config: parts.live.current, paths, authMode: parts.authMode }),
    observe: parts.watch.request,
    tracing: parts.watch.tracing
  })
}

async function composeHttp (parts: Parts, rpc: Rpc<Rooms>): Promise<FastifyInstance> {
  const { options, host, door } = parts
  const { version, logging } = options
  const config = (): GatewayConfig => gatewayConfig(parts)
  const fastify = await createHttp({
    loggerInstance: logging.child('http'),
    config,
    attribute: door.attribute,
    hosts: () => door.hosts,
    origins: () => door.origins
  })
  parts.watch.http(fastify)
  await rpc.register(fastify, await composePluginDoor(fastify, { ...parts, auth: door.httpAuth, unavailable: host.lifecycle.unavailable }))
  registerProbes(fastify, { lifecycle: host.lifecycle, auth: door.httpAuth, authMode: parts.authMode, version, eventLoop: host.eventLoop })
  const { tools: { invoke }, sessions } = parts.conversation
  // Asked for with the first call: rows are not read before somebody needs them.
  registerToolsInvoke(fastify, { auth: door.httpAuth, invoke, ready: () => sessions.ready, unavailable: host.lifecycle.unavailable })
  composeNumbers(fastify, parts, rpc.connections)
  registerAdminRpc(fastify, { auth: door.httpAuth, config: parts.live.current, call: rpc.call })
  if (config().http.endpoints.mcp.enabled) {
    const { registerMcp } = await import('./routes/mcp.ts')
    const { tools } = parts.conversation
    const { httpAuth: auth, origins } = door
    registerMcp(fastify, { auth, origins, tools, sessions, version, log: logging.child('mcp'), unavailable: host.lifecycle.unavailable })
  }
  const { unavailable } = host.lifecycle
  const programs = { ...options, ...parts, auth: door.httpAuth, config: parts.live.current, agents: host.agents, unavailable }
  const { hook: turnedAway } = parts.watch.door
  await registerPrograms(fastify, { ...programs, turnedAway, stateDir: options.paths.stateDir, log: logging.child('http') })
  await fastify.register(async scope => {
    await allowCrossOrigin(scope, config, ['/api/device/nonce', '/control-ui-config.json'])
    registerDeviceNonce(scope, { nonces: door.nonces })
    registerInfo(scope, {
      auth: door.httpAuth, version, defaultAgent: host.defaultAgent, basePath: () => config().controlUi.basePath
    })
  })
  return fastify
}

export async function createGateway (options: GatewayOptions): Promise<Gateway> {
  const { loaded, paths, logging, store, version, bind, localAdminToken, now = Date.now } = options
  const steady = options.steady ?? options.now ?? steadyNow
  const log = logging.child('gateway')
  const bootId = randomUUID()
  const credential = createCredential(options.auth)
  let { listeners } = options
  const port = (): number => listeners?.port ?? options.port

  const events = createEventBus((err, event) => log.error({ err, event }, 'an event listener failed'))
  const live = createLiveConfig({ loaded, paths, env: options.env })
  const config = (): GatewayConfig => gatewayConfig({ live })
  const watch = composeWatch({ ...options, live, events, bootId, secrets: () => secretsOf(credential.current(), options), now, steady })
  const host = createHost({
    config: live.current,
    store,
    events,
    log,
    version,
    bootId,
    now,
    steady,
    hotReload: () => reload.facts().watching ? 'active' : 'disabled',
    lastMethod: () => rpc.lastMethod(),
    leave: options.leave,
    sessionStore: () => conversation.sessions.storeFacts(),
    heartbeats: () => automation.beating(),
    channels: () => channels.current()?.health(),
    failingChannels: () => channels.current()?.channels.failing() ?? [],
    crashLoop: options.crashLoop
  })
  const devices = await createDevices({
    store,
    stateDir: paths.stateDir,
    now,
    settings: () => config().pairing,
    currentIssuer: credential.issuer,
    notice: text => log.warn(text),
    isConnected: deviceId => rpc.connections.connectedDeviceIds().has(deviceId),
    emit: (event, payload) => events.emit(event, payload),
    invalidate: (target, reason) => rpc.invalidate(target, reason)
  })
  const keys = composeKeys({ store, now, notice: text => log.warn(text), disconnect: (...callers) => rpc.disconnect(...callers) })
  const tailscale = composeTailscale({ ...options, config, auth: credential.current, now: steady })
  const door = createDoor({ config, credential, bind, port, localAdminToken, devices, keys, now, steady, watch: watch.door, tailscale })
  const conversation = composeConversation({
    live,
    paths,
    agents: host.agents,
    store,
    events,
    logging,
    version,
    keys,
    archiveDir: join(paths.stateDir, 'archive'),
    now,
    steady,
    capsOf: id => rpc.connections.get(id)?.caps,
    watch: watch.work,
    expectRoom: () => host.strain.expectRoom(),
    env: options.env,
    isStopping: () => host.lifecycle.phase() === 'stopping',
    hasApprover: kind => hasApprover(rpc.connections, kind),
    outbox: { began: run => channels.outbox.began(run), ended: async run => await channels.outbox.ended(run) },
    automation: () => automation,
    nodes: () => nodes,
    messages: async () => (await channels()).messages
  })
  const nodes = composeNodePort(() => rpc.rooms)
  const plugins = composePlugins({ ...options, ...conversation, live, events, now, callAs: (...asked) => rpc.call(...asked) })
  const channels = composeChannels({
    ...conversation, ...options, live, store, logging, events, brought: plugins.channels, changed: host.health.changed
  })
  const automation = composeAutomation({ ...options, live, events, now, bootId, conversation, channels })
  const announcement = composeAnnouncement({ ...options, live, stateDir: paths.stateDir, port })
  const authMode = (): string => credential.current().mode
  const reload = composeReload({ ...options, live, configPath: paths.configPath, events, now, replaceAuth, rebuild: door.rebuild })
  const parts: Parts = {
    options, keys, live, reload, now, steady, bootId, events, host, door, watch, conversation, plugins, channels, automation, port, authMode
  }
  const rpc = composeRpc(parts, devices)
  const fastify = await composeHttp(parts, rpc)

  function replaceAuth (next: GatewayAuth): void {
    if (!credential.replace(next)) return
    rpc.disconnect(({ method }) => method === 'token' || method === 'password' || method === 'none', closeCodes.clientInvalidated, 'gateway auth changed')
  }

  async function stopAll (reason: string): Promise<void> {
    host.lifecycle.stopping()
    reload.close()
    await announcement.close()
    conversation.commands.approvals.release()
    const { drainMs } = config().shutdown
    const beganAtMs = steady()
    await channels.stopIntake()
    await conversation.runs.drain(drainMs)
    await rpc.shutdown(reason, Math.max(lastAnswersMs, drainMs - (steady() - beganAtMs)))
    await listeners?.close()
    await fastify.close()
    host.eventLoop.stop()
    host.rest.stop()
    await automation.close()
    await channels.close()
    await plugins.close()
    await conversation.close()
    await devices.close()
    await keys.close()
    await watch.close(reason)
    await store.close()
  }

  /** What a gateway that is ready begins by itself. */
  async function takeUp (): Promise<void> {
    await plugins.begin()
    if (host.lifecycle.unavailable()) return
    await conversation.runs.recover().catch(err => log.error({ err }, 'what an earlier process left could not be taken up'))
    if (host.lifecycle.unavailable()) return
    await reload.begin()
    await channels.begin()
    await automation.begin()
  }

  let stopped: Promise<void> | undefined
  return {
    fastify,
    rooms: rpc.rooms,
    async start () {
      await fastify.ready()
      listeners ??= await openListeners(bind, options.port)
      listeners.lead(fastify.server, err => log.warn({ err }, 'a socket could not be accepted'))
      door.rebuild()
      host.lifecycle.ready()
      rpc.startTicking()
      takeUp().catch(err => log.error({ err }, 'the channels could not be begun')).finally(announcement.begin)
      return { port: listeners.port, addresses: listeners.addresses }
    },
    stop (reason = 'gateway stopping') {
      stopped ??= stopAll(reason)
      return stopped
    },
    replaceAuth
  }
}
