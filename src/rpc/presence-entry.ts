import type { PresenceEntry } from '../host/presence.ts'
import type { Connection } from './connection.ts'

/** Programs come and go by the second; only what people sit at, and nodes, are worth telling everyone. */
export const isSeenByPeople = ({ client, caller }: Connection): boolean =>
  caller?.role === 'node' || client?.mode === 'ui' || client?.mode === 'webchat' || client?.mode === 'node'

export function presenceOf ({ id, client, caller, ingress }: Connection, ts: number): PresenceEntry {
  return {
    ...(client?.displayName ? { host: client.displayName } : {}),
    ...(ingress.local ? {} : { ip: ingress.clientAddress }),
    ...(client ? { version: client.version, platform: client.platform, mode: client.mode } : {}),
    ...(client?.deviceFamily ? { deviceFamily: client.deviceFamily } : {}),
    ...(client?.modelIdentifier ? { modelIdentifier: client.modelIdentifier } : {}),
    ...(client?.timeZone ? { timeZone: client.timeZone } : {}),
    reason: 'connect',
    ts,
    onlineSince: ts,
    ...(caller?.deviceId ? { deviceId: caller.deviceId } : {}),
    ...(caller ? { roles: [caller.role], scopes: [...caller.scopes] } : {}),
    instanceId: client?.instanceId ?? id
  }
}
