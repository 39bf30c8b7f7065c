import type { DeviceCaller } from '../auth/devices/types.ts'
import type { Caller } from '../auth/caller.ts'
import { GatewayError } from '../protocol/errors.ts'
import { isRole, type Role } from '../protocol/client-info.ts'
import { knownScopes } from '../protocol/scopes.ts'
import { Type, oneOf } from '../protocol/type.ts'
import { method } from './rooms.ts'
import { noParams, openObject, text } from './shapes.ts'

const request = Type.Object({ requestId: text() }, { additionalProperties: false })

/** Who asks, as the device records need to know it. */
export const deviceCaller = (caller: Caller): DeviceCaller => ({
  scopes: caller.allows,
  ...(caller.method === 'device-token' && caller.deviceId ? { deviceId: caller.deviceId } : {}),
  label: caller.user ?? caller.principal,
  admin: caller.owner,
  localAdministrator: caller.method === 'local-admin'
})

function roleOf (value: string): Role {
  if (!isRole(value)) throw new GatewayError('INVALID_ROLE')
  return value
}

export const devices = {
  'device.pair.list': method({
    scope: 'operator.pairing',
    params: noParams,
    changes: false,
    result: openObject,
    handle: (_params, { rooms, caller }) => rooms.devices.list(deviceCaller(caller), rooms.connections.connectedDeviceIds())
  }),
  'device.pair.approve': method({
    scope: 'operator.pairing',
    params: request,
    result: openObject,
    handle: ({ requestId }, { rooms, caller }) => rooms.devices.approve(requestId, { caller: deviceCaller(caller), via: 'owner' })
  }),
  'device.pair.reject': method({
    scope: 'operator.pairing',
    params: request,
    result: openObject,
    handle: ({ requestId }, { rooms, caller }) => rooms.devices.reject(requestId, { caller: deviceCaller(caller) })
  }),
  'device.pair.remove': method({
    scope: 'operator.pairing',
    params: Type.Object({ deviceId: text() }, { additionalProperties: false }),
    result: openObject,
    handle: ({ deviceId }, { rooms, caller }) => rooms.devices.remove(deviceId, { caller: deviceCaller(caller) })
  }),
  'device.pair.rename': method({
    scope: 'operator.pairing',
    params: Type.Object({ deviceId: text(), label: text({ maxLength: 64 }) }, { additionalProperties: false }),
    result: openObject,
    handle: ({ deviceId, label }, { rooms, caller }) => rooms.devices.rename(deviceId, label, { caller: deviceCaller(caller) })
  }),
  'device.token.rotate': method({
    scope: 'operator.pairing',
    params: Type.Object({ deviceId: text(), role: text(), scopes: Type.Optional(Type.Array(text())) }, { additionalProperties: false }),
    result: openObject,
    handle: ({ deviceId, role, scopes }, { rooms, caller }) => rooms.devices.rotate({
      deviceId, role: roleOf(role), ...(scopes ? { scopes: knownScopes(scopes) } : {})
    }, { caller: deviceCaller(caller) })
  }),
  'device.token.revoke': method({
    scope: 'operator.pairing',
    params: Type.Object({ deviceId: text(), role: text() }, { additionalProperties: false }),
    result: openObject,
    handle: ({ deviceId, role }, { rooms, caller }) => rooms.devices.revoke({ deviceId, role: roleOf(role) }, { caller: deviceCaller(caller) })
  }),
  'device.pair.setupCode': method({
    scope: 'operator.admin',
    advertise: false,
    params: Type.Object({
      publicUrl: Type.Optional(text({ maxLength: 2048 })),
      preferRemoteUrl: Type.Optional(Type.Boolean()),
      includeQr: Type.Optional(Type.Boolean()),
      bootstrapProfile: Type.Optional(oneOf(['limited', 'full', 'node', 'owner'] as const)),
      joinUrl: Type.Optional(Type.Boolean())
    }, { additionalProperties: false }),
    result: openObject,
    handle (params, { rooms, caller }) {
      const reachable = rooms.reachableUrl(params.publicUrl)
      return rooms.devices.createSetupCode({ profile: params.bootstrapProfile, reachable, caller: deviceCaller(caller) })
    }
  }),
  'device.pair.setupStatus': method({
    scope: 'operator.admin',
    advertise: false,
    params: Type.Object({ setupId: text({ maxLength: 128 }) }, { additionalProperties: false }),
    changes: false,
    result: openObject,
    handle: ({ setupId }, { rooms }) => rooms.devices.setupStatus(setupId)
  })
}
