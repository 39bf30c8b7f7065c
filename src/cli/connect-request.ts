import { arch, hostname, platform, release } from 'node:os'
import type { ConnectAuth, ConnectClient, ConnectParams } from '../protocol/connect.ts'
import { deviceAuthPayloadV3, signedToken } from '../protocol/device-auth.ts'
import { fullOperatorScopes } from '../protocol/scopes.ts'
import { minimumProbeProtocol, protocolVersion } from '../protocol/version.ts'
import { signDevicePayload, type DeviceIdentity } from '../lib/device-identity.ts'

export interface ConnectIntent {
  auth?: ConnectAuth
  /** Without one the gateway decides by the shared secret alone. */
  identity?: DeviceIdentity
  client: Pick<ConnectClient, 'id' | 'mode' | 'version'> & Partial<ConnectClient>
  role?: string
  scopes?: readonly string[]
  caps?: readonly string[]
  /** What a node offers. */
  commands?: readonly string[]
}

export interface Challenge {
  nonce: string
  ts: number
}

const presentAuth = (auth: ConnectAuth | undefined): ConnectAuth | undefined => {
  const present = Object.fromEntries(Object.entries(auth ?? {}).filter(([, value]) => value))
  return Object.keys(present).length > 0 ? present : undefined
}

/** The connect request that answers this challenge. */
export function connectParams (intent: ConnectIntent, challenge: Challenge): ConnectParams {
  const role = intent.role ?? 'operator'
  const scopes = [...(intent.scopes ?? fullOperatorScopes)]
  const auth = presentAuth(intent.auth)
  const client: ConnectClient = { platform: platform(), displayName: hostname() || 'cli', ...intent.client }
  return {
    minProtocol: client.mode === 'probe' ? minimumProbeProtocol : protocolVersion,
    maxProtocol: protocolVersion,
    client,
    role,
    scopes,
    caps: [...(intent.caps ?? [])],
    ...(intent.commands ? { commands: [...intent.commands] } : {}),
    ...(auth ? { auth } : {}),
    ...(intent.identity ? { device: proof(intent.identity, client, { role, scopes, auth }, challenge) } : {}),
    userAgent: `openclaw-gateway-cli/${client.version} (${platform()} ${release()}; ${arch()})`
  }
}

function proof (
  identity: DeviceIdentity, client: ConnectClient,
  signed: { role: string, scopes: string[], auth: ConnectAuth | undefined }, challenge: Challenge
): ConnectParams['device'] {
  const payload = deviceAuthPayloadV3({
    deviceId: identity.deviceId,
    clientId: client.id,
    clientMode: client.mode,
    role: signed.role,
    scopes: signed.scopes,
    signedAtMs: challenge.ts,
    token: signedToken(signed.auth),
    nonce: challenge.nonce,
    platform: client.platform,
    ...(client.deviceFamily ? { deviceFamily: client.deviceFamily } : {})
  })
  return {
    id: identity.deviceId,
    publicKey: identity.publicKey,
    signature: signDevicePayload(identity, payload),
    // The challenge's own clock: a wrong clock on this side does no harm.
    signedAt: challenge.ts,
    nonce: challenge.nonce
  }
}
