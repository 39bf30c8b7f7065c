import { verify } from 'node:crypto'
import type { ConnectAuth, ConnectClient, DeviceProof } from '../protocol/connect.ts'
import { deviceAuthPayloadV2, deviceAuthPayloadV3, signedToken, type DeviceAuthFields } from '../protocol/device-auth.ts'
import { GatewayError } from '../protocol/errors.ts'
import { decodeBase64, readDeviceKey, type DeviceKey, type DeviceKeyCache } from './device-key.ts'

/** A device that has shown that it holds its key, for this connection and now. */
export interface DeviceIdentityProof {
  readonly deviceId: string
  /** Raw, in base64url. */
  readonly publicKey: string
  readonly payloadVersion: 'v3' | 'v2'
}

/** Hands out a nonce of ours once, with the time at which it was issued; undefined for any other. */
export type NonceCheck = (nonce: string) => { ts: number } | undefined

export interface DeviceProofRequest {
  device: DeviceProof
  client: Pick<ConnectClient, 'id' | 'mode' | 'platform' | 'deviceFamily'>
  role: string
  /** As the connect frame sends them. */
  scopes: readonly string[]
  auth: ConnectAuth | undefined
  takeNonce: NonceCheck
  now: number
  keys?: DeviceKeyCache
}

export const maxSkewMs = 120_000
const signatureBytes = 64
const longestSignatureText = 128

/** A proof that carries the very time of its nonce is as old as the nonce, whatever the client's clock says. */
function checkFreshness (signedAtMs: number, nonceTs: number, nowMs: number): void {
  const skewMs = signedAtMs - nowMs
  if (signedAtMs === nonceTs || Math.abs(skewMs) <= maxSkewMs) return
  throw new GatewayError('DEVICE_AUTH_SIGNATURE_EXPIRED', { details: { serverTimeMs: nowMs, skewMs } })
}

function readSignature (text: string): Buffer | undefined {
  const signature = text.length <= longestSignatureText ? decodeBase64(text) : undefined
  return signature?.length === signatureBytes ? signature : undefined
}

function signedVersion (fields: DeviceAuthFields, signatureText: string, key: DeviceKey): 'v3' | 'v2' | undefined {
  const signature = readSignature(signatureText)
  if (!signature) return undefined
  const isSignatureOf = (payload: string): boolean => verify(null, Buffer.from(payload, 'utf8'), key.keyObject, signature)
  if (isSignatureOf(deviceAuthPayloadV3(fields))) return 'v3'
  return isSignatureOf(deviceAuthPayloadV2(fields)) ? 'v2' : undefined
}

/** Throws the DEVICE_AUTH_* refusal of the first thing that is wrong. The cheap questions come first, the signature last. */
export function verifyDeviceProof (request: DeviceProofRequest): DeviceIdentityProof {
  const { device, client, role, scopes, auth, takeNonce, now, keys } = request
  const nonce = device.nonce?.trim()
  if (!nonce) throw new GatewayError('DEVICE_AUTH_NONCE_REQUIRED')
  const key = keys?.get(device.publicKey) ?? readDeviceKey(device.publicKey)
  if (!key) throw new GatewayError('DEVICE_AUTH_PUBLIC_KEY_INVALID')
  if (device.id !== key.deviceId) throw new GatewayError('DEVICE_AUTH_DEVICE_ID_MISMATCH')
  const issued = takeNonce(nonce)
  if (!issued) throw new GatewayError('DEVICE_AUTH_NONCE_MISMATCH')
  checkFreshness(device.signedAt, issued.ts, now)
  const { id: clientId, mode: clientMode, platform, deviceFamily } = client
  const { deviceId, publicKey } = key
  const token = signedToken(auth)
  const fields = { deviceId, clientId, clientMode, role, scopes, signedAtMs: device.signedAt, token, nonce, platform, deviceFamily }
  const payloadVersion = signedVersion(fields, device.signature, key)
  if (!payloadVersion) throw new GatewayError('DEVICE_AUTH_SIGNATURE_INVALID')
  // Only now, so that strangers cannot push the keys of known devices out.
  keys?.remember(device.publicKey, key)
  return { deviceId, publicKey, payloadVersion }
}
