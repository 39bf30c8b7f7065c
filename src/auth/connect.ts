/**
 * Decides who a connecting client is and what it gets. The order of the steps is the contract's: origin, identity present, device
 * proof, credential, pairing, grant. Everything a client says about itself (id, mode, scopes) can only narrow what it gets,
 * with one exception the contract demands: see `keepsScopesWithoutDevice`.
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { ConnectParams } from '../protocol/connect.ts'
import { isBrowserUi, isRole, requiresDeviceIdentity, type Role } from '../protocol/client-info.ts'
import { GatewayError } from '../protocol/errors.ts'
import { expandScopes, knownScopes, scopes as allScopes, type Scope } from '../protocol/scopes.ts'
import { createCaller, type Caller } from './caller.ts'
import type { ConnectCredentials, ProvenCredential } from './connect-credentials.ts'
import { createDeviceKeyCache } from './device-key.ts'
import type { DeviceIdentityProof, NonceCheck } from './device-proof.ts'
import { verifyDeviceProof } from './device-proof.ts'
import type { Devices } from './devices/room.ts'
import type { DeliveredToken, DeviceCaller, DeviceToken, NeedsApprovalReason, NodeSurface } from './devices/types.ts'
import type { Ingress } from './ingress.ts'
import type { OriginPolicy } from './origin.ts'
import type { ProvenKey } from './keys/room.ts'
import { deviceClaims, pairingRequired } from './pairing-refusal.ts'

export interface ConnectAttempt {
  readonly params: ConnectParams
  readonly ingress: Ingress
  readonly headers: IncomingHttpHeaders
  readonly takeNonce: NonceCheck
}

export interface Admission {
  readonly caller: Caller
  /** The token of this role first; setup codes hand out one per role. */
  readonly tokens: readonly DeliveredToken[]
  /** What a node says it can do. */
  readonly declared?: NodeSurface
  /** To be called when the client has its tokens. */
  delivered? (): Promise<void>
  /** Throws when the authority ended while the handshake waited. To be asked at the very moment from which the connection counts. */
  confirm (): void
}

type Granted = Omit<Admission, 'confirm'>

export interface ConnectOptions {
  readonly devices: Devices
  readonly credentials: ConnectCredentials
  readonly origins: () => OriginPolicy
  readonly settings: () => { autoApproveLocal: boolean, scopeSurplus: 'pending' | 'connect' }
  readonly now: () => number
}

type Proof = DeviceIdentityProof | undefined

/** What a token is issued for. */
type TokenGrant = Parameters<Devices['issueToken']>[0]

const delivered = (role: Role, deviceToken: string, record: DeviceToken): DeliveredToken =>
  ({ deviceToken, role, scopes: record.scopes, issuedAtMs: record.rotatedAtMs ?? record.createdAtMs })

/** A connect whose credential has proved good: what is left to decide is what it gets. */
interface Candidate {
  readonly attempt: ConnectAttempt
  readonly role: Role
  readonly credential: ProvenCredential
}

/** In whose name a program of this machine with the gateway's secret is approved. */
const localProgram: DeviceCaller = {
  scopes: new Set(allScopes), label: 'a local program with the gateway secret', admin: true, localAdministrator: true
}

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
  const keys = createDeviceKeyCache()

  function proveDevice (attempt: ConnectAttempt, role: Role): Proof {
    const { device, client, scopes = [], auth } = attempt.params
    return device && verifyDeviceProof({ device, client, role, scopes, auth, takeNonce: attempt.takeNonce, now: now(), keys })
  }

  function callerOf (
    { attempt: { ingress }, role, credential }: Candidate, scopes: readonly Scope[], more: Pick<Caller, 'deviceId' | 'tokenHash' | 'key'> = {}
  ): Caller {
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

  function admitWithoutDevice (candidate: Candidate): Granted {
    const { attempt: { params, ingress }, credential } = candidate
    if (requiresDeviceIdentity(params.client) && credential.method !== 'trusted-proxy') {
      throw new GatewayError('CONTROL_UI_DEVICE_IDENTITY_REQUIRED')
    }
    const requested = knownScopes(params.scopes ?? [])
    const allowed = credential.identityScopes ?? (keepsScopesWithoutDevice(params, ingress) ? requested : [])
    const granted = withinCeiling(requested.filter(scope => expandScopes(allowed).has(scope)), credential)
    return { caller: callerOf(candidate, granted), tokens: [] }
  }

  /** Programs on this host that hold the shared secret pair without asking; nobody else does. */
  function mayApproveSilently (candidate: Candidate, reason: NeedsApprovalReason, paired: boolean): boolean {
    const { attempt: { ingress, params }, role, credential } = candidate
    if (!ingress.local || !options.settings().autoApproveLocal) return false
    if (ingress.origin !== undefined && !isBrowserUi(params.client)) return false
    switch (reason) {
      case 'not-paired': return true
      case 'role-upgrade': return !(paired && role !== 'operator')
      case 'scope-upgrade': return credential.method === 'none' || credential.method === 'token' || credential.method === 'password' || credential.method === 'local-admin'
      default: return false
    }
  }

  /** Makes sure that the device is approved for what it asks; returns the scopes it may have. */
  async function settlePairing (candidate: Candidate, proof: DeviceIdentityProof): Promise<readonly Scope[]> {
    const { attempt: { params, ingress }, role } = candidate
    const claims = deviceClaims(params, role, proof)
    const assessed = devices.assess(claims)
    if (assessed.state === 'ok') return claims.scopes
    const { reason, approvedRoles, approvedScopes } = assessed
    const here = { ...claims, remoteAddress: ingress.clientAddress }
    const paired = devices.isPaired(proof.deviceId, proof.publicKey)
    if (!assessed.revoked && mayApproveSilently(candidate, reason, paired)) {
      await devices.admit(here, { caller: localProgram, via: 'silent' })
      return claims.scopes
    }
    const { requestId } = await devices.request({ ...here, silent: false })
    if (reason === 'scope-upgrade' && options.settings().scopeSurplus === 'connect') {
      const approved = expandScopes(approvedScopes ?? [])
      return claims.scopes.filter(scope => approved.has(scope))
    }
    const { deviceId } = proof
    throw pairingRequired({ reason, requestId, deviceId, role, scopes: params.scopes ?? [], approvedRoles, approvedScopes })
  }

  async function issue (grant: TokenGrant): Promise<{ token?: DeliveredToken, hash?: string }> {
    const { token, record } = await devices.issueToken(grant)
    if (!record) return {}
    return {
      hash: record.tokenHash,
      ...(token === undefined ? {} : { token: delivered(grant.role, token, record) })
    }
  }

  /** A setup code hands out one token per role it was made for; the one of this connection comes first. */
  async function admitBySetupCode (candidate: Candidate, { deviceId }: DeviceIdentityProof): Promise<Granted> {
    const { attempt, credential } = candidate
    const { setupId, scopes, tokens, tokenHash } = credential.setup!
    devices.touch(deviceId, 'connect', attempt.ingress.clientAddress)
    return {
      caller: callerOf(candidate, scopes, { deviceId, tokenHash }),
      tokens,
      // A code whose tokens got lost on the way can be redeemed again by the same device.
      delivered: () => devices.completeSetup(setupId)
    }
  }

  async function admitDevice (candidate: Candidate, proof: DeviceIdentityProof): Promise<Granted> {
    const { attempt, role, credential } = candidate
    const { deviceId } = proof
    const scopes = withinCeiling(await settlePairing(candidate, proof), credential)
    const issuer = isBrowserUi(attempt.params.client) ? credential.issuer : undefined
    const { token, hash } = await issue({ deviceId, role, scopes, ...(issuer ? { issuer } : {}) })
    devices.touch(deviceId, 'connect', attempt.ingress.clientAddress)
    return { caller: callerOf(candidate, scopes, { deviceId, tokenHash: hash }), tokens: token ? [token] : [] }
  }

  /** Of what a node offers only the approved part counts; the rest becomes a request. Platform and family are those of the pairing. */
  async function declare ({ attempt: { params } }: Candidate, nodeId: string): Promise<NodeSurface> {
    const { client, caps = [], commands = [], permissions } = params
    const declared = { caps, commands, ...(permissions ? { permissions } : {}) }
    const { platform, deviceFamily } = devices.get(nodeId) ?? {}
    await devices.declareSurface({
      nodeId,
      clientId: client.id,
      clientMode: client.mode,
      ...(client.displayName ? { displayName: client.displayName } : {}),
      ...(platform ? { platform } : {}),
      version: client.version,
      ...(deviceFamily ? { deviceFamily } : {}),
      ...declared
    })
    return declared
  }

  /** It has what it was made for: all of it, or what of it is asked for. */
  function admitKey (candidate: Candidate, { key, scopes, tokenHash }: ProvenKey): Granted {
    if (!key.mayConnect()) {
      throw new GatewayError('KEY_NOT_ALLOWED', { message: `API key "${key.name}" names HTTP routes only; it opens no WebSocket` })
    }
    const { scopes: asked = [] } = candidate.attempt.params
    const all = expandScopes(scopes)
    const granted = asked.length === 0 ? scopes : knownScopes(asked).filter(scope => all.has(scope))
    return { caller: callerOf(candidate, granted, { key, tokenHash }), tokens: [] }
  }

  async function admit (candidate: Candidate, proof: Proof): Promise<Granted> {
    if (candidate.credential.key) return admitKey(candidate, candidate.credential.key)
    if (!proof) return admitWithoutDevice(candidate)
    const granted = await (candidate.credential.setup ? admitBySetupCode(candidate, proof) : admitDevice(candidate, proof))
    return candidate.role === 'node' ? { ...granted, declared: await declare(candidate, proof.deviceId) } : granted
  }

  /** Meanwhile somebody may have removed the device, or given the gateway another secret. */
  function confirm ({ role, credential }: Candidate, { tokenHash }: Caller, proof: Proof): void {
    if (!credential.inForce()) throw new GatewayError('AUTH_UNAUTHORIZED')
    if (!proof || credential.key) return
    if (!devices.stillAuthorized({ ...proof, role, ...(tokenHash ? { tokenHash } : {}) })) throw new GatewayError('AUTH_DEVICE_TOKEN_MISMATCH')
  }

  return async attempt => {
    const { params } = attempt
    const role = params.role ?? 'operator'
    if (!isRole(role)) throw new GatewayError('INVALID_ROLE')
    checkOrigin(attempt, options.origins())
    checkIdentityPresent(params, role, credentials.mayHoldCredential(attempt))
    const proof = proveDevice(attempt, role)
    const credential = await credentials.prove(attempt, role, proof)
    const candidate = { attempt, role, credential }
    const granted = await admit(candidate, proof)
    return { ...granted, confirm: () => confirm(candidate, granted.caller, proof) }
  }
}
