import { isRole, type Role } from '../../protocol/client-info.ts'
import { GatewayError, isGatewayError } from '../../protocol/errors.ts'
import { coversScopes, isScope, type Scope } from '../../protocol/scopes.ts'
import { hashToken, secretsEqual } from '../secret.ts'
import { activeToken, coveredOf, hasRole, isRevoked, scopesOf, tokenScopes } from './authority.ts'
import { deviceLimits, freshDevice, type DeviceContext } from './context.ts'
import { firstMissing, isAdmin, mayActOn, tokenDenied } from './permissions.ts'
import { put } from './records.ts'
import { replacedToken, revokedToken } from './token-record.ts'
import type { Devices } from './room.ts'
import type { DeviceCaller, DeviceToken, IssuedToken, PairedDevice, TokenCheck, TokenIssuer, TokenRefusal, TokenVerdict } from './types.ts'

export type Tokens = Pick<Devices, 'issueToken' | 'verifyToken' | 'verifyBearer' | 'rotate' | 'revoke'>

interface Grant { deviceId: string, role: Role, scopes: readonly Scope[], issuer?: TokenIssuer }

export function createTokens (context: DeviceContext): Tokens {
  const { records, maker, sightings, now, settings, emit, invalidate } = context

  const changed = (deviceId: string, change: string): void => emit('device.pair.changed', { deviceId, change, ts: now() })

  // Issuing

  function authorized ({ deviceId, role, scopes }: Grant): PairedDevice {
    const device = freshDevice(context, deviceId)
    if (!device || !hasRole(device, role)) throw new GatewayError('PAIRING_REQUIRED', { details: { reason: device ? 'role-upgrade' : 'not-paired' } })
    if (!coversScopes(device.scopes, scopesOf(role, scopes))) throw new GatewayError('PAIRING_REQUIRED', { details: { reason: 'scope-upgrade' } })
    return device
  }

  /** The token the device has, as long as it does what is asked and came through the same secret. */
  function reusable (device: PairedDevice, { role, scopes, issuer }: Grant): Required<IssuedToken> | undefined {
    const record = activeToken(device, role)
    if (!record || (issuer && record.issuer?.generation !== issuer.generation)) return undefined
    if (!coversScopes(record.scopes, scopesOf(role, scopes))) return undefined
    const token = maker.remake(device.deviceId, record)
    return token === undefined ? undefined : { token, record }
  }

  async function mintFor (grant: Grant): Promise<IssuedToken> {
    const { deviceId, role, issuer } = grant
    const known = reusable(authorized(grant), grant)
    if (known) return known
    await maker.prepare()
    const device = authorized(grant)
    const current = activeToken(device, role)
    const scopes = tokenScopes(role, coveredOf(device.scopes, [...current?.scopes ?? [], ...grant.scopes]).covered)
    // A token that came through another secret is over when that secret is; it gets no grace.
    const sameSource = !issuer || !current?.issuer || current.issuer.generation === issuer.generation
    const minted = maker.mint(deviceId, role)
    const graceMs = sameSource ? deviceLimits.upgradeGraceMs : 0
    const currentUsed = sightings.wasUsed(device, role)
    const record = replacedToken({ minted, role, scopes, now: now(), current, currentUsed, graceMs, issuer })
    await records.commit([put('devices', deviceId, { ...device, tokens: { ...device.tokens, [role]: record } })])
    return { token: minted.token, record }
  }

  // Checking

  function refusalOf (device: PairedDevice | undefined, check: TokenCheck): TokenRefusal | undefined {
    if (!device || device.publicKey !== check.publicKey) return 'device-not-paired'
    if (!device.roles.includes(check.role)) return 'role-missing'
    const record = device.tokens[check.role]
    if (!record) return 'token-missing'
    if (record.revokedAtMs !== undefined) return 'token-revoked'
    if (!isCurrent(record, check.token) && !isPrevious(device, record, check.token)) return 'token-mismatch'
    return issuerRefusal(record, check)
  }

  const isCurrent = (record: DeviceToken, token: string): boolean => secretsEqual(hashToken(token), record.tokenHash)

  /** Only with the signature of the device's key, which every connect brings: a copied token alone is over with the rotation. */
  function isPrevious (device: PairedDevice, record: DeviceToken, token: string): boolean {
    if (!record.previous || sightings.wasUsed(device, record.role)) return false
    const presented = hashToken(token)
    return record.previous.some(({ tokenHash, untilMs }) => now() < untilMs && secretsEqual(presented, tokenHash))
  }

  function issuerRefusal (record: DeviceToken, check: Pick<TokenCheck, 'browser' | 'currentIssuer'>): TokenRefusal | undefined {
    const inForce = check.currentIssuer ?? context.currentIssuer?.()
    if (record.issuer) return inForce && record.issuer.generation !== inForce.generation ? 'issuer-generation-stale' : undefined
    return check.browser && inForce ? 'legacy-browser-token' : undefined
  }

  function verifyToken (check: TokenCheck): TokenVerdict {
    const device = records.devices.get(check.deviceId)
    const reason = refusalOf(device, check)
    if (reason) return { ok: false, reason }
    const record = device!.tokens[check.role]!
    const { covered, surplus } = coveredOf(record.scopes, scopesOf(check.role, check.scopes))
    if (surplus.length > 0 && settings().scopeSurplus !== 'connect') return { ok: false, reason: 'scope-mismatch' }
    if (isCurrent(record, check.token)) sightings.used(check.deviceId, check.role, record.tokenHash, now())
    return { ok: true, record, grantedScopes: covered, surplus }
  }

  // Rotating and revoking

  function checkRights (what: 'rotation' | 'revocation', caller: DeviceCaller, deviceId: string, role: Role): void {
    if (!mayActOn(caller, deviceId)) throw tokenDenied(what)
    if (role !== 'operator' && !isAdmin(caller)) throw tokenDenied(what)
  }

  /** Never more than the device was approved for, nor more than the caller holds; asking for more is refused, not cut down. */
  function rotatedScopes (device: PairedDevice, role: Role, wanted: readonly string[] | undefined, caller: DeviceCaller): Scope[] {
    const asked = wanted ?? activeToken(device, role)?.scopes ?? device.scopes
    if (!asked.every(isScope)) throw tokenDenied('rotation')
    if (role !== 'operator' && wanted && wanted.length > 0) throw tokenDenied('rotation')
    const scopes = tokenScopes(role, asked)
    if (!coversScopes(device.scopes, scopes) || firstMissing(caller, scopes)) throw tokenDenied('rotation')
    return scopes
  }

  async function rotate (deviceId: string, role: Role, wanted: readonly string[] | undefined, caller: DeviceCaller): ReturnType<Devices['rotate']> {
    await maker.prepare()
    const device = freshDevice(context, deviceId)
    if (!device || !hasRole(device, role)) throw tokenDenied('rotation')
    const scopes = rotatedScopes(device, role, wanted, caller)
    const minted = maker.mint(deviceId, role)
    const current = activeToken(device, role)
    const currentUsed = sightings.wasUsed(device, role)
    const graceMs = deviceLimits.rotationGraceMs
    const record = { ...replacedToken({ minted, role, scopes, now: now(), current, currentUsed, graceMs }), rotatedAtMs: now() }
    await records.commit([put('devices', deviceId, { ...device, tokens: { ...device.tokens, [role]: record } })])
    changed(deviceId, 'token-rotated')
    invalidate({ deviceId, role }, 'device token rotated')
    const own = caller.deviceId === deviceId
    return {
      deviceId,
      role,
      ...(own ? { token: minted.token } : {}),
      scopes,
      rotatedAtMs: record.rotatedAtMs,
      tokenDelivery: own ? 'in-band' : 'withheld-cross-device'
    }
  }

  async function revoke (deviceId: string, role: Role): ReturnType<Devices['revoke']> {
    const device = freshDevice(context, deviceId)
    if (!device || !(device.roles.includes(role) || device.tokens[role])) throw tokenDenied('revocation')
    const known = device.tokens[role]?.revokedAtMs
    if (known !== undefined) return { deviceId, role, revokedAtMs: known }
    const revokedAtMs = now()
    const record = revokedToken(device.tokens[role], role, revokedAtMs)
    await records.commit([put('devices', deviceId, { ...device, tokens: { ...device.tokens, [role]: record } })])
    changed(deviceId, 'token-revoked')
    invalidate({ deviceId, role }, 'device token revoked')
    return { deviceId, role, revokedAtMs }
  }

  return {
    verifyToken,

    async issueToken (grant) {
      const device = authorized(grant)
      const known = reusable(device, grant)
      if (known) return known
      try {
        return await records.inLane(grant.deviceId, () => mintFor(grant))
      } catch (error) {
        const record = activeToken(device, grant.role)
        if (record && isGatewayError(error) && error.code === 'STORE_UNAVAILABLE') return { record }
        throw error
      }
    },

    verifyBearer (token, tokenHash = hashToken(token)) {
      const holder = records.holderOf(tokenHash)
      if (holder?.role !== 'operator') return undefined
      const device = records.devices.get(holder.deviceId)
      const record = device && activeToken(device, 'operator')
      if (!record || isRevoked(device, 'operator') || !hasRole(device, 'operator') || issuerRefusal(record, {})) return undefined
      sightings.used(holder.deviceId, 'operator', tokenHash, now())
      return { deviceId: holder.deviceId, tokenHash, scopes: coveredOf(device.scopes, record.scopes).covered }
    },

    async rotate ({ deviceId, role, scopes }, { caller }) {
      if (!isRole(role)) throw tokenDenied('rotation')
      checkRights('rotation', caller, deviceId, role)
      return records.inLane(deviceId, () => rotate(deviceId, role, scopes, caller))
    },

    async revoke ({ deviceId, role }, { caller }) {
      if (!isRole(role)) throw tokenDenied('revocation')
      checkRights('revocation', caller, deviceId, role)
      return records.inLane(deviceId, () => revoke(deviceId, role))
    }
  }
}
