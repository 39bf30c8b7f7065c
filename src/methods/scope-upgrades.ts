import type { Caller } from '../auth/caller.ts'
import { deviceLimits } from '../auth/devices/context.ts'
import type { PairedDevice } from '../auth/devices/types.ts'
import { GatewayError } from '../protocol/errors.ts'
import { coversScopes, isScope, type Scope } from '../protocol/scopes.ts'
import { Type } from '../protocol/type.ts'
import type { MethodConnection, ScopeUpgrade } from '../rpc/connection.ts'
import { method, type Rooms } from './rooms.ts'
import { openObject, text } from './shapes.ts'

/** The shape of the contract's result has room for so many. */
const maxScopes = 8

function deviceOf (rooms: Rooms, { deviceId }: Caller): PairedDevice {
  const device = deviceId === undefined ? undefined : rooms.devices.get(deviceId)
  if (!device) throw new GatewayError('FORBIDDEN', { message: 'a scope upgrade needs a paired device', details: { reason: 'device-required' } })
  return device
}

const invalid = (message: string): GatewayError =>
  new GatewayError('INVALID_PARAMS', { message: `invalid device.scopes.requestUpgrade params: ${message}`, details: { method: 'device.scopes.requestUpgrade' } })

function checkedScopes (asked: readonly string[], caller: Caller): Scope[] {
  const unknown = asked.find(scope => !isScope(scope))
  if (unknown !== undefined) throw invalid(`unknown scope ${JSON.stringify(unknown.slice(0, 64))}`)
  const scopes = asked.filter(isScope)
  if (coversScopes(caller.scopes, scopes)) throw invalid('this connection holds these scopes already')
  return scopes
}

/** Settles with the decision about a request, or when it has expired, or when nobody waits any more. */
function decisionOf (rooms: Rooms, requestId: string, signal: AbortSignal): ScopeUpgrade['decision'] {
  return new Promise(resolve => {
    let timer: NodeJS.Timeout
    const settle = (decision: Awaited<ScopeUpgrade['decision']>): void => {
      clearTimeout(timer)
      unsubscribe()
      signal.removeEventListener('abort', leave)
      resolve(decision)
    }
    const leave = (): void => settle('expired')
    const unsubscribe = rooms.events.subscribe(({ event, payload }) => {
      const resolved = payload as { requestId?: string, decision?: string }
      if (event !== 'device.pair.resolved' || resolved.requestId !== requestId) return
      settle(resolved.decision === 'approved' || resolved.decision === 'rejected' ? resolved.decision : 'expired')
    })
    // Requests expire when somebody looks; asking again renews them.
    const look = (): void => {
      if (!rooms.devices.listPending().some(request => request.requestId === requestId)) return settle('expired')
      timer = setTimeout(look, deviceLimits.pendingTtlMs).unref()
    }
    timer = setTimeout(look, deviceLimits.pendingTtlMs).unref()
    signal.addEventListener('abort', leave)
  })
}

interface Asker {
  readonly rooms: Rooms
  readonly caller: Caller
  readonly connection: MethodConnection
  readonly signal: AbortSignal
}

async function ask ({ rooms, caller, connection, signal }: Asker, scopes: readonly Scope[]): Promise<string> {
  const { deviceId, publicKey, platform, deviceFamily, displayName } = deviceOf(rooms, caller)
  const { requestId } = await rooms.devices.request({
    deviceId,
    publicKey,
    role: 'operator',
    scopes,
    platform,
    deviceFamily,
    displayName,
    clientId: connection.client?.id ?? 'gateway-client',
    clientMode: connection.client?.mode ?? 'backend',
    remoteAddress: caller.address
  })
  if (connection.scopeUpgrade?.requestId !== requestId) {
    connection.scopeUpgrade = { requestId, scopes, decision: decisionOf(rooms, requestId, signal) }
  }
  return requestId
}

/** The token goes to the connection that asked, over that connection, and to nobody else. */
async function deliver (rooms: Rooms, caller: Caller, { requestId, scopes, decision }: ScopeUpgrade): Promise<object> {
  const status = await decision
  if (status !== 'approved') return { status, requestId }
  const { deviceId } = deviceOf(rooms, caller)
  const { token, record } = await rooms.devices.issueToken({ deviceId, role: 'operator', scopes })
  if (token === undefined) throw new GatewayError('STORE_UNAVAILABLE')
  return { status, requestId, deviceToken: token, scopes: record.scopes.length <= maxScopes ? record.scopes : scopes }
}

export const scopeUpgrades = {
  'device.scopes.requestUpgrade': method({
    // Whoever may do nothing yet may ask for more; the signed device of the connection is what counts.
    scope: () => [],
    needsConnection: true,
    params: Type.Object({
      scopes: Type.Array(text(), { minItems: 1, maxItems: maxScopes, uniqueItems: true })
    }, { additionalProperties: false }),
    result: Type.Object({ requestId: text() }),
    handle: async ({ scopes }, context) => ({ requestId: await ask(context, checkedScopes(scopes, context.caller)) })
  }),
  'device.scopes.waitUpgrade': method({
    scope: () => [],
    changes: false,
    needsConnection: true,
    params: Type.Object({ requestId: text() }, { additionalProperties: false }),
    result: openObject,
    handle ({ requestId }, { rooms, caller, connection }) {
      if (connection.scopeUpgrade?.requestId !== requestId) throw new GatewayError('PAIRING_REQUEST_UNKNOWN')
      return deliver(rooms, caller, connection.scopeUpgrade) as Promise<{}>
    }
  })
}
