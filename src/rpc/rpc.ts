import { randomUUID } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import type { Admission, ConnectAttempt } from '../auth/connect.ts'
import type { Caller } from '../auth/caller.ts'
import type { NonceCheck } from '../auth/device-proof.ts'
import type { EventBus } from '../events/bus.ts'
import type { Lifecycle } from '../host/lifecycle.ts'
import type { Presence } from '../host/presence.ts'
import { addressGroup } from '../lib/net-address.ts'
import { repeatKey } from '../log/repeats.ts'
import type { WireLog } from '../log/wire-log.ts'
import { closeCodes } from '../protocol/close-codes.ts'
import type { GatewayError } from '../protocol/errors.ts'
import { wireLimits } from '../protocol/version.ts'
import type { Tracing } from '../telemetry/tracer.ts'
import type { Connection } from './connection.ts'
import { createConnections, type ConnectionLimits, type Connections } from './connections.ts'
import { RawJson, type MethodTable, type MoreMethods } from './define-method.ts'
import { createDispatcher, type DispatchLog, type OwnRights, type RequestObserver } from './dispatch.ts'
import { createFanOut } from './fan-out.ts'
import { createHandshake } from './handshake.ts'
import { createHello, type HelloSnapshot } from './hello.ts'
import { createIdempotencyCache } from './idempotency.ts'
import { createKeepalive } from './keepalive.ts'
import { registerSockets, type Unclaimed } from './plugin.ts'
import { presenceOf, isSeenByPeople } from './presence-entry.ts'
import { createReceiver } from './receive.ts'
import { createSocketServer } from './socket-server.ts'
import { createValidators } from './validation.ts'
import { createWriteBudget } from './write-budget.ts'

export interface RpcOptions<Rooms> {
  readonly methods: MethodTable<Rooms>
  /** Beside those of the table. */
  readonly more?: MoreMethods<Rooms>
  /** Rooms that methods enter; the connections are one of them. */
  readonly rooms: (connections: Connections) => Rooms
  readonly own: OwnRights<Rooms>
  readonly now: () => number
  /** For spans of time. */
  readonly steady: () => number
  readonly log: DispatchLog & { info (fields: object, message: string): void }
  readonly wireLog: WireLog
  readonly lifecycle: Lifecycle
  readonly events: EventBus
  readonly authenticate: (attempt: ConnectAttempt) => Promise<Admission>
  readonly takeHttpNonce: NonceCheck
  readonly limits: () => ConnectionLimits & { maxConnections: number }
  readonly handshakeTimeoutMs: () => number
  readonly server: { version: string, bootId: string }
  readonly presence: Presence
  readonly snapshot: HelloSnapshot
  /** Does this connection follow the session? */
  readonly follows?: (connectionId: string, sessionKey: string) => boolean
  /** May this caller see the session? Asked where it does not see all. */
  readonly maySee?: (caller: Caller, sessionKey: string) => boolean
  readonly onEnded?: (connection: { readonly id: string }) => void
  readonly observe?: RequestObserver
  readonly tracing?: Tracing
}

export interface Rpc<Rooms> {
  readonly connections: Connections
  readonly rooms: Rooms
  /** `unclaimed` answers for paths that no route has. */
  register (fastify: FastifyInstance, unclaimed?: Unclaimed): Promise<void>
  /** A method for a caller without a socket: the same checks, the same work. */
  call (caller: Caller, method: string, params: unknown, signal: AbortSignal): Promise<unknown>
  startTicking (): void
  /** Announces the end, waits for requests in flight, then closes every socket. */
  shutdown (reason: string, drainMs: number): Promise<void>
  /** Ends the connections that stand on a credential which no longer holds. */
  invalidate (target: { deviceId: string, role?: string, tokenHash?: string }, reason: string): void
  disconnect (matches: (caller: Caller) => boolean, code: number, reason: string): void
  lastMethod (): string
}

/** Only what is really there: clients change what they send and wait for by these names. */
const capabilities: readonly string[] = []

/** Strangers choose the words of many refusals, so words do not make two of them different: kind, place and pairing request do. */
const refusalKey = ({ ingress }: Connection, error: GatewayError | undefined): string =>
  `refused ${error?.code ?? 'unreadable'} ${addressGroup(ingress.clientAddress)} ${String(error?.details.requestId ?? '')}`

export function createRpc<Rooms> (options: RpcOptions<Rooms>): Rpc<Rooms> {
  const { now, steady, log, events, lifecycle, presence } = options
  const validators = createValidators()
  const connections = createConnections(options.limits, connection =>
    log.debug({ conn: connection.id, address: connection.ingress.clientAddress }, 'an unauthenticated socket gave way to a newcomer'))
  const rooms = options.rooms(connections)
  const dispatcher = createDispatcher<Rooms>({
    methods: options.methods,
    more: options.more,
    rooms,
    own: options.own,
    validators,
    budget: createWriteBudget({ now: steady }),
    idempotency: createIdempotencyCache({ now: steady }),
    now: steady,
    log,
    unavailable: lifecycle.unavailable,
    tracing: options.tracing,
    observe (outcome) {
      const { method, connection, id, startedAtMs, error } = outcome
      options.observe?.(outcome)
      if (!connection) return
      options.wireLog.response({ method, id: id!, conn: connection.id, durationMs: steady() - startedAtMs, ...(error ? { error } : {}) })
    }
  })
  const fanOut = createFanOut({
    connections,
    follows: options.follows,
    maySee: options.maySee,
    onSlow: (connection, bufferedBytes) => log.warn({ conn: connection.id, bufferedBytes }, 'cut a slow consumer')
  })
  events.subscribe(fanOut.deliver)
  const keepalive = createKeepalive({
    now: steady,
    handshakeTimeoutMs: options.handshakeTimeoutMs,
    onHandshakeTimeout (connection) {
      log.warn({ conn: connection.id, address: connection.ingress.clientAddress, phase: connection.state }, 'handshake timeout')
      connection.close(closeCodes.normal, '')
    }
  })
  const hello = createHello<Rooms>({
    methods: options.methods,
    more: options.more,
    server: options.server,
    capabilities,
    snapshot: options.snapshot,
    tickIntervalMs: wireLimits.tickIntervalMs
  })

  function welcome (connection: Connection, admission: Admission): string {
    connections.admit(connection)
    if (isSeenByPeople(connection)) presence.put(`connection:${connection.id}`, presenceOf(connection, now()))
    return hello(connection, admission)
  }

  const handshake = createHandshake({
    authenticate: options.authenticate,
    validators,
    takeHttpNonce: options.takeHttpNonce,
    unavailable: lifecycle.unavailable,
    isFull: () => connections.counts().connected >= options.limits().maxConnections,
    welcome,
    log,
    onRefused: (connection, error, reason) => log.warn({
      [repeatKey]: refusalKey(connection, error),
      conn: connection.id,
      address: connection.ingress.clientAddress,
      client: connection.client?.id,
      code: error?.code,
      origin: connection.ingress.origin
    }, `refused a connection: ${reason}`)
  })
  const sockets = createSocketServer({
    now,
    steady,
    connections,
    keepalive,
    handshake,
    receive: createReceiver(dispatcher),
    onEnded (connection, code, reason) {
      if (!connection.caller) return
      options.onEnded?.(connection)
      log.debug({ conn: connection.id, code, reason }, 'connection ended')
      presence.leave(`connection:${connection.id}`)
    }
  })

  let ticker: NodeJS.Timeout | undefined

  async function drain (drainMs: number): Promise<void> {
    const deadline = steady() + drainMs
    const busy = (): boolean => connections.all().some(({ pendingRequests }) => pendingRequests > 0)
    while (busy() && steady() < deadline) await new Promise(resolve => setTimeout(resolve, 10))
  }

  async function closeAll (code: number, reason: string): Promise<void> {
    for (const connection of connections.all()) connection.close(code, reason)
    const deadline = steady() + wireLimits.closeGraceMs
    while (connections.all().length > 0 && steady() < deadline) await new Promise(resolve => setTimeout(resolve, 5))
    for (const connection of connections.all()) connection.socket.terminate()
  }

  return {
    connections,
    rooms,
    register: (fastify, unclaimed) => registerSockets(fastify, {
      sockets,
      unclaimed,
      closeAll: () => closeAll(closeCodes.serviceRestart, 'service restart')
    }),
    async call (caller, method, params, signal) {
      const connection = { id: `call-${randomUUID()}`, client: undefined, caps: new Set<string>(), openedAtMs: now(), scopeUpgrade: undefined, signal }
      try {
        const result = await dispatcher.call(caller, connection, method, params)
        return result instanceof RawJson ? JSON.parse(result.text) : result
      } finally {
        // Whatever it subscribed to, nobody listens any more.
        options.onEnded?.(connection)
      }
    },
    startTicking () {
      ticker = setInterval(() => events.emit('tick', { ts: now() }), wireLimits.tickIntervalMs).unref()
    },
    async shutdown (reason, drainMs) {
      clearInterval(ticker)
      await drain(drainMs)
      events.emit('shutdown', reason === 'gateway restarting' ? { reason, restartExpectedMs: 1500 } : { reason })
      await closeAll(closeCodes.serviceRestart, 'service restart')
      keepalive.stop()
    },
    invalidate (target, reason) {
      for (const connection of connections.all()) {
        const { caller } = connection
        if (caller?.deviceId !== target.deviceId) continue
        if (target.role && caller.role !== target.role) continue
        connection.closeAfterAnswer(closeCodes.clientInvalidated, reason)
      }
    },
    disconnect (matches, code, reason) {
      for (const connection of connections.all()) {
        if (connection.caller && matches(connection.caller)) connection.closeAfterAnswer(code, reason)
      }
    },
    lastMethod: dispatcher.lastStarted
  }
}
