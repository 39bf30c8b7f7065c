import { GatewayError } from '../../protocol/errors.ts'
import { expandScopes, type Scope } from '../../protocol/scopes.ts'
import type { DeviceCaller } from './types.ts'

export const isAdmin = (caller: DeviceCaller): boolean => caller.admin || caller.localAdministrator === true

/** A caller that a device token authenticated stays with its own device, unless it may do everything anyway. */
export const mayActOn = (caller: DeviceCaller, deviceId: string): boolean =>
  isAdmin(caller) || caller.deviceId === undefined || caller.deviceId === deviceId

/** The first of the scopes that the caller does not hold itself. Nobody gives away what he does not have. */
export function firstMissing (caller: DeviceCaller, scopes: Iterable<Scope>): Scope | undefined {
  if (caller.localAdministrator) return undefined
  const held = expandScopes(caller.scopes)
  for (const scope of scopes) if (!held.has(scope)) return scope
  return undefined
}

/** One flat sentence for every reason: a refusal must not tell what exists. */
export const denied = (what: string): GatewayError => new GatewayError('DEVICE_PAIRING_DENIED', { message: `${what} denied` })

export const missingScope = (scope: Scope): GatewayError =>
  new GatewayError('DEVICE_PAIRING_DENIED', { message: `missing scope: ${scope}`, details: { missingScope: scope } })

export const tokenDenied = (what: 'rotation' | 'revocation'): GatewayError =>
  new GatewayError('DEVICE_TOKEN_DENIED', { message: `device token ${what} denied` })
