import type { Role } from '../../protocol/client-info.ts'
import type { Scope } from '../../protocol/scopes.ts'
import type { MintedToken } from './token-maker.ts'
import type { DeviceToken, TokenIssuer } from './types.ts'

export interface Replacement {
  minted: MintedToken
  role: Role
  scopes: Scope[]
  now: number
  /** The active token that this one takes the place of, and whether its device ever used it. */
  current?: DeviceToken
  currentUsed: boolean
  /** How long the old one still opens signed connects; 0 for not at all. */
  graceMs: number
  issuer?: TokenIssuer
}

const maxPrevious = 3

/** Until a device has used its token nobody knows whether it got it, so the ones before stay as they were. */
function previousOf ({ current, currentUsed, graceMs, now }: Replacement): DeviceToken['previous'] {
  if (!current || graceMs <= 0) return undefined
  const older = currentUsed ? [] : (current.previous ?? []).filter(({ untilMs }) => untilMs > now)
  return [{ tokenHash: current.tokenHash, untilMs: now + graceMs }, ...older].slice(0, maxPrevious)
}

/** The record of a fresh token, with what is left of the one before. */
export function replacedToken (replacement: Replacement): DeviceToken {
  const { minted, role, scopes, now, current } = replacement
  const issuer = replacement.issuer ?? current?.issuer
  const previous = previousOf(replacement)
  return {
    id: minted.id,
    tokenHash: minted.tokenHash,
    role,
    scopes,
    ...(issuer ? { issuer } : {}),
    createdAtMs: current?.createdAtMs ?? now,
    ...(current ? { rotatedAtMs: now } : {}),
    ...(previous ? { previous } : {})
  }
}

/** What remains of a token that was taken away, or of a role that never had one: only that it was taken away. */
export const revokedToken = (current: DeviceToken | undefined, role: Role, now: number): DeviceToken => {
  const { previous, ...rest } = current ?? { id: '', tokenHash: '', role, scopes: [], createdAtMs: now }
  return { ...rest, revokedAtMs: now }
}
