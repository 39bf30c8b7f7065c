import type { PresenceEntry } from '../host/presence.ts'
import type { Connection } from './connection.ts'

/** Programs come and go by the second; only what people sit at, and nodes, are worth telling everyone. */
export const isSeenByPeople = ({ client, caller }: Connection): boolean =>
  caller?.role === 'node' || client?.mode === 'ui' || client?.mode === 'webchat' || client?.mode === 'node'

/** What a client says about itself is shown to everybody, and kept for everybody. */
const maxFactLength = 256
const fact = <K extends string>(name: K, value: string | undefined): { [name in K]?: string } =>
  (value ? { [name]: value.slice(0, maxFactLength) } : {}) as { [name in K]?: string }

export function presenceOf ({ id, client, caller, ingress }: Connection, ts: number): PresenceEntry {
  return {
    ...fact('host', client?.displayName),
    ...(ingress.local ? {} : { ip: ingress.clientAddress }),
    ...fact('version', client?.version),
    ...fact('platform', client?.platform),
    ...fact('mode', client?.mode),
    ...fact('deviceFamily', client?.deviceFamily),
    ...fact('modelIdentifier', client?.modelIdentifier),
    ...fact('timeZone', client?.timeZone),
    reason: 'connect',
    ts,
    onlineSince: ts,
    ...(caller?.deviceId ? { deviceId: caller.deviceId } : {}),
    ...(caller ? { roles: [caller.role], scopes: [...caller.scopes] } : {}),
    ...fact('instanceId', client?.instanceId ?? id)
  }
}
