import { isObject } from '../../lib/json-object.ts'
import { isRole, type Role } from '../../protocol/client-info.ts'
import { knownScopes } from '../../protocol/scopes.ts'
import type { DeviceToken, PairedDevice } from './types.ts'

const list = (value: unknown): unknown[] => Array.isArray(value) ? value : []

function storedToken (role: Role, value: unknown): DeviceToken | undefined {
  if (!isObject(value) || typeof value.tokenHash !== 'string') return undefined
  return { id: '', createdAtMs: 0, ...value, tokenHash: value.tokenHash, role, scopes: knownScopes(list(value.scopes)) }
}

/**
 * A device as it was stored by this version or an older one. Before there were several roles a record had one, and before there
 * were tokens it had none; what cannot be understood grants nothing. Undefined when it is not a device at all.
 */
export function storedDevice (key: string, value: unknown): PairedDevice | undefined {
  if (!isObject(value) || value.deviceId !== key || typeof value.publicKey !== 'string' || value.publicKey === '') return undefined
  const named = value.roles === undefined ? [value.role] : list(value.roles)
  const roles = named.filter(isRole)
  const stored = isObject(value.tokens) ? value.tokens : {}
  const tokens: PairedDevice['tokens'] = {}
  for (const role of Object.keys(stored).filter(isRole)) {
    const token = storedToken(role, stored[role])
    if (token) tokens[role] = token
  }
  return {
    approvedVia: 'owner',
    createdAtMs: 0,
    approvedAtMs: 0,
    ...value,
    deviceId: key,
    publicKey: value.publicKey,
    role: isRole(value.role) ? value.role : roles[0] ?? 'operator',
    roles: [...new Set(roles)],
    scopes: knownScopes(list(value.scopes)),
    tokens
  }
}

/** Records that only this program ever wrote need no more than a look at their key. */
export const storedUnder = <T>(field: string, key: string, value: unknown): T | undefined =>
  isObject(value) && value[field] === key ? value as T : undefined
