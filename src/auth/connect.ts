/**
 * Decides who a connecting client is and what it gets. The order of the steps is the contract's: origin, identity present, device
 * proof, credential, pairing, grant. Everything a client says about itself (id, mode, scopes) can only narrow what it gets,
 * with one exception the contract demands: see `keepsScopesWithoutDevice`.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { ConnectParams } from '../protocol/connect.ts'
import { isBrowserUi, isRole, requiresDeviceIdentity, type Role } from '../protocol/client-info.ts'
import { GatewayError } from '../protocol/errors.ts'
import { expandScopes, fullOperatorScopes, knownScopes, type Scope } from '../protocol/scopes.ts'
import { createCaller, type Caller } from './caller.ts'
import type { ConnectCredentials, ProvenCredential } from './connect-credentials.ts'
import type { DeviceIdentityProof, NonceCheck } from './device-proof.ts'
import { verifyDeviceProof } from './device-proof.ts'
import type { Devices } from './devices/devices.ts'
import type { Ingress } from './ingress.ts'
import type { OriginPolicy } from './origin.ts'

export interface ConnectAttempt {
  readonly params: ConnectParams
  readonly ingress: Ingress
  readonly headers: IncomingHttpHeaders
  readonly takeNonce: NonceCheck
}

export interface IssuedToken {
  readonly deviceToken: string
  readonly role: Role
  readonly scopes: readonly Scope[]
  readonly issuedAtMs: number
}

export interface Admission {
  readonly caller: Caller
  /** The token of this role first; setup codes hand out one per role. */
  readonly tokens: readonly IssuedToken[]
}

export interface ConnectOptions {
  readonly devices: Devices
  readonly credentials: ConnectCredentials
  readonly origins: () => OriginPolicy
  readonly settings: () => { autoApproveLocal: boolean, scopeSurplus: 'pending' | 'connect' }
  readonly now: () => number
}

type Proof = DeviceIdentityProof | undefined

/**
 * Without a device only these keep the scopes they ask for, and only with the right secret from a program on this host: the official
 * CLI and the reference client depend on it. The secret alone is already the whole gateway over HTTP, so the name adds nothing.
 */
function keepsScopesWithoutDevice (params: ConnectParams, ingress: Ingress): boolean {
  if (!ingress.local || ingress.origin !== undefined) return false
  const { id, mode } = params.client
  return (id === 'cli' && mode === 'cli') || (id === 'gateway-client' && mode === 'backend')
}

function withinCeiling (scopes: readonly Scope[], { scopeCeiling }: ProvenCredential): readonly Scope[] {
  if (!scopeCeiling) return scopes
  const ceiling = expandScopes(scopeCeiling)
  return scopes.filter(scope => ceiling.has(scope))
}

function checkOrigin (attempt: ConnectAttempt, policy: OriginPolicy): void {
  const verdict = policy(attempt.ingress, { required: isBrowserUi(attempt.params.client) })
  if (!verdict.ok) throw new GatewayError('CONTROL_UI_ORIGIN_NOT_ALLOWED', { details: { reason: verdict.reason } })
}

function checkIdentityPresent (params: ConnectParams, role: Role, hasCredential: boolean): void {
  if (params.device) return
  if (role === 'node' || !hasCredential) throw new GatewayError('DEVICE_IDENTITY_REQUIRED')
}

export function createConnectAuthenticator (options: ConnectOptions): (attempt: ConnectAttempt) => Promise<Admission> {
  const { devices, credentials, now } = options

  function proveDevice (attempt: ConnectAttempt, role: Role): Proof {
    const { device, client, scopes = [], auth } = attempt.params
    return device && verifyDeviceProof({ device, client, role, scopes, auth, takeNonce: attempt.takeNonce, now: now() })
  }

  function callerOf (attempt: ConnectAttempt, role: Role, credential: ProvenCredential, scopes: readonly Scope[], more: { deviceId?: string, tokenHash?: string } = {}): Caller {
    const { ingress } = attempt
    return createCaller({
      principal: more.deviceId ? `device:${more.deviceId}` : credential.principal,
      method: credential.method,
      role,
      scopes,
      user: credential.user,
      address: ingress.clientAddress,
      local: ingress.local,
      ...more
    })
  }

  function admitWithoutDevice (attempt: ConnectAttempt, role: Role, credential: ProvenCredential): Admission {
    const { params, ingress } = attempt
    if (requiresDeviceIdentity(params.client) && credential.method !== 'trusted-proxy') {
      throw new GatewayError('CONTROL_UI_DEVICE_IDENTITY_REQUIRED')
    }
    const requested = knownScopes(params.scopes ?? [])
    const allowed = credential.identityScopes ?? (keepsScopesWithoutDevice(params, ingress) ? requested : [])
    const granted = withinCeiling(requested.filter(scope => expandScopes(allowed).has(scope)), credential)
    return { caller: callerOf(attempt, role, credential, granted), tokens: [] }
  }

  /** Programs on this host that hold the shared secret pair without asking; nobody else does. */
  function mayApproveSilently (attempt: ConnectAttempt, role: Role, credential: ProvenCredential, reason: string, paired: boolean): boolean {
    const { ingress, params } = attempt
    if (!ingress.local || !options.settings().autoApproveLocal) return false
    if (ingress.origin !== undefined && !isBrowserUi(params.client)) return false
    switch (reason) {
      case 'not-paired': return true
      case 'role-upgrade': return !(paired && role !== 'operator')
      case 'scope-upgrade': return credential.method === 'none' || credential.method === 'token' || credential.method === 'password' || credential.method === 'local-admin'
      default: return false
    }
  }

  function pairingRequired (reason: string, requestId: string, attempt: ConnectAttempt, role: Role, assessed: { approvedRoles?: readonly string[], approvedScopes?: readonly string[] }, deviceId: string): GatewayError {
    const scopes = attempt.params.scopes ?? []
    return new GatewayError('PAIRING_REQUIRED', {
      message: `pairing required: ${pairingPhrases[reason] ?? 'device is not approved yet'}`,
      details: {
        reason,
        requestId,
        remediationHint: `Approve it on the gateway host: openclaw devices approve ${requestId}`,
        deviceId,
        requestedRole: role,
        ...(scopes.length > 0 ? { requestedScopes: scopes } : {}),
        ...(assessed.approvedRoles ? { approvedRoles: assessed.approvedRoles } : {}),
        ...(assessed.approvedScopes ? { approvedScopes: assessed.approvedScopes } : {})
      }
    })
  }

  /** Makes sure that the device is approved for what it asks; returns the scopes it may have. */
  async function settlePairing (attempt: ConnectAttempt, role: Role, credential: ProvenCredential, proof: DeviceIdentityProof): Promise<readonly Scope[]> {
    const { params, ingress } = attempt
    const requested = role === 'node' ? [] : knownScopes(params.scopes ?? [])
    const { client } = params
    const facts = {
      deviceId: proof.deviceId,
      publicKey: proof.publicKey,
      role,
      scopes: requested,
      platform: client.platform,
      deviceFamily: client.deviceFamily,
      clientId: client.id,
      clientMode: client.mode,
      displayName: client.displayName
    }
    const assessed = devices.assess(facts)
    if (assessed.state === 'ok') return requested
    const silent = mayApproveSilently(attempt, role, credential, assessed.reason, devices.isPaired(proof.deviceId, proof.publicKey))
    const pending = await devices.request({ ...facts, remoteAddress: ingress.clientAddress, silent })
    if (silent) {
      await devices.approve(pending.requestId, {
        caller: { scopes: expandScopes(fullOperatorScopes), label: 'local program with the gateway secret', admin: true, localAdministrator: true },
        via: 'silent'
      })
      return requested
    }
    if (assessed.reason === 'scope-upgrade' && options.settings().scopeSurplus === 'connect') {
      const approved = expandScopes((assessed.approvedScopes ?? []) as Scope[])
      return requested.filter(scope => approved.has(scope))
    }
    throw pairingRequired(assessed.reason, pending.requestId, attempt, role, assessed, proof.deviceId)
  }

  async function admitDevice (attempt: ConnectAttempt, role: Role, credential: ProvenCredential, proof: DeviceIdentityProof): Promise<Admission> {
    const { params } = attempt
    if (credential.redeemed) {
      const { tokens, scopes } = credential.redeemed
      return { caller: callerOf(attempt, role, credential, scopes, { deviceId: proof.deviceId, tokenHash: credential.redeemed.tokenHash }), tokens }
    }
    const settled = await settlePairing(attempt, role, credential, proof)
    const scopes = withinCeiling(settled, credential)
    const issued = await devices.issueToken({
      deviceId: proof.deviceId,
      role,
      scopes,
      issuer: isBrowserUi(params.client) ? credential.issuer : undefined
    })
    devices.touch(proof.deviceId, 'connect', attempt.ingress.clientAddress)
    const tokens: IssuedToken[] = issued.token === undefined
      ? []
      : [{ deviceToken: issued.token, role, scopes: issued.record.scopes, issuedAtMs: issued.record.createdAtMs }]
    return { caller: callerOf(attempt, role, credential, scopes, { deviceId: proof.deviceId, tokenHash: issued.record.tokenHash }), tokens }
  }

  return async attempt => {
    const { params } = attempt
    const role = params.role ?? 'operator'
    if (!isRole(role)) throw new GatewayError('INVALID_ROLE')
    checkOrigin(attempt, options.origins())
    checkIdentityPresent(params, role, credentials.mayHoldCredential(attempt))
    const proof = proveDevice(attempt, role)
    const credential = await credentials.prove(attempt, role, proof)
    return proof ? admitDevice(attempt, role, credential, proof) : admitWithoutDevice(attempt, role, credential)
  }
}

const pairingPhrases: { readonly [reason: string]: string } = {
  'not-paired': 'device is not approved yet',
  'role-upgrade': 'device is asking for a higher role than currently approved',
  'scope-upgrade': 'device is asking for more scopes than currently approved',
  'metadata-upgrade': 'device identity changed and must be re-approved'
}
