import type { DeviceCaller } from '../auth/devices/types.ts'
import type { AuthMethod, Caller } from '../auth/caller.ts'
import { Type, oneOf } from '../protocol/type.ts'
import { method } from './rooms.ts'
import { noParams, openObject, text } from './shapes.ts'

const request = Type.Object({ requestId: text() }, { additionalProperties: false })

/** Credentials that belong to one device; everything else belongs to the gateway or to a person. */
const ownCredential: ReadonlySet<AuthMethod> = new Set<AuthMethod>(['device-token', 'bootstrap-token'])

/** Who asks, as the device records need to know it. */
export const deviceCaller = (caller: Caller): DeviceCaller => ({
  scopes: caller.allows,
  ...(ownCredential.has(caller.method) && caller.deviceId ? { deviceId: caller.deviceId } : {}),
  label: caller.user ?? caller.principal,
  admin: caller.owner,
  localAdministrator: caller.method === 'local-admin'
})

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
    handle: (params, { rooms, caller }) => rooms.devices.rotate(params, { caller: deviceCaller(caller) })
  }),
  'device.token.revoke': method({
    scope: 'operator.pairing',
    params: Type.Object({ deviceId: text(), role: text() }, { additionalProperties: false }),
    result: openObject,
    handle: (params, { rooms, caller }) => rooms.devices.revoke(params, { caller: deviceCaller(caller) })
  }),
  'device.pair.setupCode': method({
    scope: 'operator.admin',
    advertise: false,
    params: Type.Object({
      publicUrl: Type.Optional(text({ maxLength: 2048 })),
      preferRemoteUrl: Type.Optional(Type.Boolean()),
      includeQr: Type.Optional(Type.Boolean()),
      bootstrapProfile: Type.Optional(oneOf(['limited', 'full', 'node', 'voice-node', 'owner'] as const)),
      joinUrl: Type.Optional(Type.Boolean())
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ publicUrl, includeQr, bootstrapProfile = 'full' }, { rooms, caller }) {
      const { url, source, alternatives } = rooms.reachableUrl(publicUrl)
      const code = await rooms.devices.createSetupCode({ profile: bootstrapProfile, url, caller: deviceCaller(caller) })
      return {
        setupId: code.setupId,
        setupCode: code.setupCode,
        gatewayUrl: code.gatewayUrl,
        ...(alternatives.length > 0 ? { gatewayUrls: [code.gatewayUrl, ...alternatives] } : {}),
        auth: rooms.authMode() === 'password' ? 'password' : 'token',
        urlSource: source,
        ...(includeQr ? { qrDataUrl: await (await import('../auth/devices/qr.ts')).qrPngDataUrl(code.link) } : {}),
        access: code.access,
        expiresAtMs: code.expiresAtMs
      }
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
