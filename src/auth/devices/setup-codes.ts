import { randomUUID } from 'node:crypto'
import { leftUntil } from '../../lib/clock.ts'
import { GatewayError } from '../../protocol/errors.ts'
import { hashToken, newToken } from '../secret.ts'
import type { Approval } from './approval.ts'
import { activeToken, scopesOf } from './authority.ts'
import { deviceLimits, type DeviceContext } from './context.ts'
import { requestOf, type PendingRequests } from './pending.ts'
import { isAdmin, missingScope } from './permissions.ts'
import { put, remove } from './records.ts'
import { fitsProfile, setupProfiles } from './setup-profiles.ts'
import type { Devices } from './room.ts'
import type { RedeemRequest, RedeemVerdict, SetupCode, SetupOutcome, SetupRecord } from './setup-types.ts'
import type { DeliveredToken, DeviceCaller, PairedDevice } from './types.ts'

export type SetupCodes = Pick<Devices, 'createSetupCode' | 'redeem' | 'completeSetup' | 'setupStatus' | 'revokeSetupCode'>

/** The text a device reads, pasted or scanned. */
export const encodeSetupCode = (content: { url: string, bootstrapToken: string, expiresAtMs: number }): string =>
  Buffer.from(JSON.stringify(content)).toString('base64url')

interface Deliveries { tokens: DeliveredToken[], tokenHash: string }

const refused: RedeemVerdict = { ok: false, reason: 'bootstrap-token-invalid' }

/** Codes that this device used and that are not finished: they end with a rejection or a removal. */
export const setupsOf = ({ records }: DeviceContext, deviceId: string): SetupRecord[] =>
  [...records.setups.values()].filter(setup => setup.boundDeviceId === deviceId && isOpen(setup))

const isOpen = ({ completedAtMs, revokedAtMs }: SetupRecord): boolean => completedAtMs === undefined && revokedAtMs === undefined

export function createSetupCodes (context: DeviceContext, approval: Approval, pendingRequests: PendingRequests): SetupCodes {
  const { records, maker, now, emit } = context

  /** An unused code goes when it expires; what became of a used one can be asked for a while longer. */
  const keptUntil = ({ completedAtMs, boundAtMs, expiresAtMs }: SetupRecord): number =>
    boundAtMs === undefined ? expiresAtMs : (completedAtMs ?? expiresAtMs) + deviceLimits.setupOutcomeMs

  const hasExpired = ({ expiresAtMs }: SetupRecord): boolean => leftUntil(expiresAtMs, deviceLimits.setupTtlMs, now()) === 0

  function prune (): void {
    for (const setup of records.setups.values()) if (setup.boundAtMs === undefined ? hasExpired(setup) : now() >= keptUntil(setup)) records.drop('setup-codes', setup.setupId)
  }

  function checkAdmin (caller: DeviceCaller): void {
    if (!isAdmin(caller)) throw missingScope('operator.admin')
  }

  async function createSetupCode ({ profile, url, caller }: Parameters<Devices['createSetupCode']>[0]): Promise<SetupCode> {
    checkAdmin(caller)
    prune()
    if (records.setups.size >= deviceLimits.maxSetupCodes) {
      throw new GatewayError('PAIRING_QUEUE_FULL', { message: 'too many setup codes are waiting to be used' })
    }
    const bootstrapToken = newToken(32)
    const { roles, scopes, access } = setupProfiles[profile]
    const expiresAtMs = now() + deviceLimits.setupTtlMs
    const setupId = randomUUID()
    await records.commit([put('setup-codes', setupId, {
      setupId,
      tokenHash: hashToken(bootstrapToken),
      profile,
      roles: [...roles],
      scopes: [...scopes],
      url,
      issuedBy: caller.label,
      createdAtMs: now(),
      expiresAtMs
    })])
    const setupCode = encodeSetupCode({ url, bootstrapToken, expiresAtMs })
    return { setupId, setupCode, link: `oc-pair://${setupCode}`, bootstrapToken, gatewayUrl: url, access, expiresAtMs }
  }

  /** Good once, for one device: whoever comes first with it owns it, and may repeat a connect that got no answer. */
  function isUsable (setup: SetupRecord | undefined, request: RedeemRequest): setup is SetupRecord {
    if (!setup || !isOpen(setup) || hasExpired(setup)) return false
    const free = setup.boundDeviceId === undefined
    return free || (setup.boundDeviceId === request.deviceId && setup.boundPublicKey === request.publicKey)
  }

  async function redeem (setupId: string, asked: RedeemRequest): Promise<RedeemVerdict> {
    const setup = records.setups.get(setupId)
    if (!isUsable(setup, asked) || !fitsProfile(setup.profile, asked)) return refused
    const { client: { id: clientId, mode: clientMode, ...machine }, deviceId } = asked
    const before = records.devices.get(deviceId)
    const claims = { ...asked, ...machine, clientId, clientMode }
    // Roles and scopes are those of the code, not what the client says.
    const request = { ...requestOf(claims, now(), before !== undefined), roles: [...setup.roles], scopes: [...setup.scopes] }
    const caller: DeviceCaller = { scopes: new Set(), label: setup.issuedBy, admin: true, localAdministrator: true }
    const { changes, device } = await approval.grant(request, { caller, via: 'bootstrap' })
    const waiting = pendingRequests.ofDevice(deviceId)
    const bound: SetupRecord = {
      ...setup,
      boundDeviceId: deviceId,
      boundPublicKey: asked.publicKey,
      boundAtMs: setup.boundAtMs ?? now(),
      ...(request.displayName ? { deviceName: request.displayName } : {})
    }
    const decided = waiting ? [remove('device-requests', waiting.requestId)] : []
    await records.commit([put('setup-codes', setupId, bound), ...decided, ...changes])
    approval.announce(waiting ? { ...request, requestId: waiting.requestId } : request, before)
    return { ok: true, setupId, scopes: scopesOf(asked.role, asked.scopes), ...deliveries(device, asked, setup) }
  }

  function deliveries (device: PairedDevice, { role }: RedeemRequest, { roles }: SetupRecord): Deliveries {
    const tokens = [role, ...roles.filter(other => other !== role)].flatMap(each => {
      const record = activeToken(device, each)
      const deviceToken = record && maker.remake(device.deviceId, record)
      if (deviceToken === undefined) return []
      return [{ deviceToken, role: each, scopes: record!.scopes, issuedAtMs: record!.rotatedAtMs ?? record!.createdAtMs }]
    })
    return { tokens, tokenHash: activeToken(device, role)!.tokenHash }
  }

  const outcome = (setup: SetupRecord, ts: number): SetupOutcome => ({
    setupId: setup.setupId,
    deviceId: setup.boundDeviceId!,
    ...(setup.deviceName ? { deviceName: setup.deviceName } : {}),
    access: setupProfiles[setup.profile].access,
    ts
  })

  return {
    createSetupCode,

    async redeem (request) {
      const tokenHash = hashToken(request.token)
      const found = [...records.setups.values()].find(setup => setup.tokenHash === tokenHash)
      if (!found) return refused
      return records.inLane(`setup:${found.setupId}`, () => records.inLane(request.deviceId, () => redeem(found.setupId, request)))
    },

    completeSetup: setupId => records.inLane(`setup:${setupId}`, async () => {
      const setup = records.setups.get(setupId)
      if (!setup || setup.boundDeviceId === undefined || !isOpen(setup)) return
      const completed = { ...setup, completedAtMs: now() }
      await records.commit([put('setup-codes', setupId, completed)])
      emit('device.pair.setup.completed', outcome(completed, completed.completedAtMs))
    }),

    setupStatus (setupId) {
      prune()
      const setup = records.setups.get(setupId)
      if (!setup || setup.boundAtMs === undefined) return {}
      if (setup.completedAtMs !== undefined) return { completion: outcome(setup, setup.completedAtMs) }
      return { deliveryUncertain: outcome(setup, setup.boundAtMs) }
    },

    async revokeSetupCode (setupId, { caller }) {
      checkAdmin(caller)
      return records.inLane(`setup:${setupId}`, async () => {
        const setup = records.setups.get(setupId)
        if (!setup || !isOpen(setup)) return false
        await records.commit([put('setup-codes', setupId, { ...setup, revokedAtMs: now() })])
        return true
      })
    }
  }
}
