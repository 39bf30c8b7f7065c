import { randomUUID } from 'node:crypto'
import { closeCodes } from '../protocol/close-codes.ts'
import { GatewayError, isGatewayError } from '../protocol/errors.ts'
import type { ErrorShape, RequestFrame } from '../protocol/frames.ts'
import type { Scope } from '../protocol/scopes.ts'
import type { Caller } from '../auth/caller.ts'
import { isConfined } from '../sessions/ownership.ts'
import type { Connection, MethodConnection } from './connection.ts'
import { changesState, type Method, type MethodContext, type MethodTable, type MoreMethods } from './define-method.ts'
import type { IdempotencyCache } from './idempotency.ts'
import type { Tracing } from '../telemetry/tracer.ts'
import type { Validators } from './validation.ts'
import type { WriteBudget } from './write-budget.ts'

export interface DispatchLog {
  warn (fields: object, message: string): void
  error (fields: object, message: string): void
  debug (fields: object, message: string): void
}

/** Told about every request that has been answered; the wire log, the metrics and the audit log listen here. */
export interface RequestOutcome {
  readonly method: string
  /** Undefined for a name that is none of the table: one of a plugin, or one that nobody serves. */
  readonly declared: Pick<Method<never>, 'scope' | 'changes'> | undefined
  readonly params: unknown
  readonly caller: Caller
  /** Absent when the request came without a socket. */
  readonly connection?: Connection
  readonly id?: string
  readonly startedAtMs: number
  readonly error?: ErrorShape
}
export type RequestObserver = (outcome: RequestOutcome) => void

/** What there is for API keys that do not see everything. */
export interface OwnRights<Rooms> {
  /** Does this method keep what one key has from the others? One that nobody has said it of is closed to them. */
  keepsKeysApart (method: string): boolean
  /** The rooms as this caller finds them. */
  roomsFor (rooms: Rooms, caller: Caller): Rooms
}

export interface DispatchOptions<Rooms> {
  methods: MethodTable<Rooms>
  more?: MoreMethods<Rooms>
  rooms: Rooms
  own: OwnRights<Rooms>
  validators: Validators
  budget: WriteBudget
  idempotency: IdempotencyCache<unknown>
  now: () => number
  log: DispatchLog
  /** Undefined when requests are served, else why not (starting, stopping). */
  unavailable: () => GatewayError | undefined
  observe?: RequestObserver
  tracing?: Tracing
}

/** As much of a connection as a call needs. */
export type CallConnection = MethodConnection & { readonly signal: AbortSignal }

export interface Dispatcher {
  dispatch (connection: Connection, frame: RequestFrame): Promise<void>
  /** The same checks and the same work for a caller without a socket. */
  call (caller: Caller, connection: CallConnection, method: string, params: unknown): Promise<unknown>
  /** Name of the method whose synchronous part ran last, for the warning about a blocked loop. */
  lastStarted (): string
}

const maxConsecutiveRoleErrors = 10

/** Refusals that a client of a wrong role or scope gets; kept apart because too many of the first end the connection. */
function checkRole (method: Method<never>, caller: Caller): void {
  if (method.scope === 'public') return
  const role = method.scope === 'node' ? 'node' : 'operator'
  if (caller.role !== role) throw new GatewayError('UNAUTHORIZED_ROLE', { message: `unauthorized role: ${caller.role}` })
}

export function missingScope (needed: readonly Scope[], caller: Caller): GatewayError | undefined {
  const missing = needed.find(scope => !caller.allows.has(scope))
  return missing === undefined
    ? undefined
    : new GatewayError('MISSING_SCOPE', {
      message: `missing scope: ${missing}`,
      details: { missingScope: missing, requiredScopes: [...needed] }
    })
}

function neededScopes (scope: Exclude<Method<never>['scope'], 'public' | 'node'>, params: unknown, caller: Caller): readonly Scope[] {
  if (typeof scope === 'function') return scope(params as never, caller)
  if (typeof scope === 'string') return [scope]
  return [scope.anyOf.find(one => caller.allows.has(one)) ?? scope.anyOf.at(-1)!]
}

function checkScope<Rooms> (method: Method<Rooms>, params: unknown, caller: Caller): void {
  if (method.scope === 'public' || method.scope === 'node') return
  const refusal = missingScope(neededScopes(method.scope, params, caller), caller)
  if (refusal) throw refusal
}

function checkParams<Rooms> (name: string, method: Method<Rooms>, params: unknown, validators: Validators): void {
  const validate = changesState(method as Method<never>) ? validators.of(method.params) : validators.openOf(method.params)
  const problem = validate(params)
  if (problem) throw new GatewayError('INVALID_PARAMS', { message: `invalid ${name} params: ${problem}`, details: { method: name } })
}

/** Turns whatever was thrown into the one error shape; what is not ours stays in the log, under an id the client gets too. */
export function toWireError (error: unknown, log: DispatchLog, method: string): ErrorShape {
  if (isGatewayError(error)) return error.toWire()
  const errorId = randomUUID()
  log.error({ err: error, errorId, method }, 'request failed unexpectedly')
  return new GatewayError('INTERNAL', { details: { errorId } }).toWire()
}

/** The limits of a key, at the one place that every call with one comes by. */
function checkKey<Rooms> (name: string, { key }: Caller, own: OwnRights<Rooms>): void {
  if (!key) return
  if (!key.mayCall(name)) {
    throw new GatewayError('KEY_NOT_ALLOWED', { message: `API key "${key.name}" may not call ${name}`, details: { method: name } })
  }
  if (isConfined(key) && !own.keepsKeysApart(name)) throw new GatewayError('KEY_OWN_SESSIONS_ONLY', { details: { method: name } })
}

export function createDispatcher<Rooms> (options: DispatchOptions<Rooms>): Dispatcher {
  const { methods, rooms, own, validators, budget, idempotency, now, log } = options
  let lastStarted = ''

  /** The order of the checks is the contract: unknown names are told to admins only, scope comes before params. */
  function admit (name: string, params: unknown, caller: Caller): Method<Rooms> {
    const method = Object.hasOwn(methods, name) ? methods[name] : options.more?.find(name)
    if (!method) {
      throw missingScope(['operator.admin'], caller) ?? new GatewayError('UNKNOWN_METHOD', { message: `unknown method: ${name}` })
    }
    if (method.scope === 'public') {
      checkKey(name, caller, own)
      return method
    }
    checkRole(method as Method<never>, caller)
    if (typeof method.scope === 'function') {
      checkParams(name, method, params, validators)
      checkScope(method, params, caller)
    } else {
      checkScope(method, params, caller)
    }
    checkKey(name, caller, own)
    const unavailable = options.unavailable()
    if (unavailable) throw unavailable
    if (method.controlPlane) budget.spend(name, caller.deviceId ? `${caller.deviceId}|${caller.address}` : caller.principal)
    if (typeof method.scope !== 'function') checkParams(name, method, params, validators)
    return method
  }

  function perform (name: string, rawParams: unknown, caller: Caller, connection: CallConnection, respondFirst?: MethodContext<Rooms>['respondFirst']): unknown {
    const params = rawParams ?? {}
    const method = admit(name, params, caller)
    if (method.needsConnection && !respondFirst) {
      throw new GatewayError('CONNECTION_REQUIRED', { message: `${name} needs a connection that stays`, details: { method: name } })
    }
    const work = () => {
      lastStarted = name
      return method.handle(params as never, {
        caller,
        connection,
        rooms: caller.key ? own.roomsFor(rooms, caller) : rooms,
        get signal () { return connection.signal },
        respondFirst: respondFirst ?? (() => {})
      })
    }
    const key = (params as { idempotencyKey?: unknown }).idempotencyKey
    if (typeof key !== 'string' || key === '' || method.ownsIdempotency || !changesState(method as Method<never>)) return work()
    return idempotency.run({ principal: caller.principal, method: name, key }, async () => work())
  }

  function noteRoleErrors (connection: Connection, error: unknown): void {
    if (!(isGatewayError(error) && error.code === 'UNAUTHORIZED_ROLE')) return
    if (++connection.consecutiveRoleErrors > maxConsecutiveRoleErrors) {
      connection.close(closeCodes.policyViolation, 'repeated unauthorized calls')
    }
  }

  /** What is done for the request stands in a span of its own while somebody collects traces. */
  function traced (method: string, traceparent: string | undefined, work: () => unknown): unknown {
    const tracer = options.tracing?.()
    if (!tracer) return work()
    const attributes = { 'rpc.system': 'openclaw', 'rpc.method': declaredAs(method) ? method : 'other' }
    return tracer.span('openclaw.gateway.rpc.handler', { kind: 'server', traceparent, attributes }, work)
  }
  const declaredAs = (method: string): Method<Rooms> | undefined => Object.hasOwn(methods, method) ? methods[method] : undefined

  return {
    async dispatch (connection, frame) {
      const caller = connection.caller!
      const { method, params } = frame
      const startedAtMs = now()
      let error: ErrorShape | undefined
      try {
        caller.key?.takeRequest()
        const respondFirst = (payload: object): void => connection.respond(frame.id, payload)
        let result = traced(method, frame.traceparent, () => perform(method, params, caller, connection, respondFirst))
        if (result instanceof Promise) result = await result
        connection.consecutiveRoleErrors = 0
        connection.respond(frame.id, result)
      } catch (thrown) {
        error = toWireError(thrown, log, method)
        connection.respondError(frame.id, error)
        noteRoleErrors(connection, thrown)
      }
      options.observe?.({ method, declared: declaredAs(method), params, caller, connection, id: frame.id, startedAtMs, error })
    },
    async call (caller, connection, method, params) {
      const startedAtMs = now()
      const answered = (error?: ErrorShape): void =>
        options.observe?.({ method, declared: declaredAs(method), params, caller, startedAtMs, error })
      try {
        const result = await traced(method, undefined, () => perform(method, params, caller, connection))
        answered()
        return result
      } catch (error) {
        answered(isGatewayError(error) ? error.toWire() : new GatewayError('INTERNAL').toWire())
        throw error
      }
    },
    lastStarted: () => lastStarted
  }
}
