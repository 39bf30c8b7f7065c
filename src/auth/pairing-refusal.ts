import type { Role } from '../protocol/client-info.ts'
import type { ConnectParams } from '../protocol/connect.ts'
import { GatewayError } from '../protocol/errors.ts'
import { knownScopes } from '../protocol/scopes.ts'
import type { DeviceIdentityProof } from './device-proof.ts'
import type { DeviceClaims, NeedsApprovalReason } from './devices/types.ts'

/** What a connect says about its device, once the device has proved itself. */
export function deviceClaims (params: ConnectParams, role: Role, proof: DeviceIdentityProof): DeviceClaims {
  const { client } = params
  return {
    deviceId: proof.deviceId,
    publicKey: proof.publicKey,
    role,
    scopes: role === 'node' ? [] : knownScopes(params.scopes ?? []),
    platform: client.platform,
    deviceFamily: client.deviceFamily,
    clientId: client.id,
    clientMode: client.mode,
    displayName: client.displayName
  }
}

const phrases: { readonly [reason in NeedsApprovalReason]: string } = {
  'not-paired': 'device is not approved yet',
  'role-upgrade': 'device is asking for a higher role than currently approved',
  'scope-upgrade': 'device is asking for more scopes than currently approved',
  'metadata-upgrade': 'device identity changed and must be re-approved'
}

export interface PairingRefusal {
  readonly reason: NeedsApprovalReason
  readonly requestId: string
  readonly deviceId: string
  readonly role: Role
  /** As the client asked, unknown ones included. */
  readonly scopes: readonly string[]
  readonly approvedRoles?: readonly string[]
  readonly approvedScopes?: readonly string[]
}

/** The refusal that tells the client what it waits for and the operator the exact command. */
export function pairingRequired (refusal: PairingRefusal): GatewayError {
  const { reason, requestId, deviceId, role, scopes, approvedRoles, approvedScopes } = refusal
  return new GatewayError('PAIRING_REQUIRED', {
    message: `pairing required: ${phrases[reason]}`,
    details: {
      reason,
      requestId,
      remediationHint: `Approve it on the gateway host: openclaw devices approve ${requestId}`,
      deviceId,
      requestedRole: role,
      ...(scopes.length > 0 ? { requestedScopes: scopes } : {}),
      ...(approvedRoles ? { approvedRoles } : {}),
      ...(approvedScopes ? { approvedScopes } : {})
    }
  })
}
