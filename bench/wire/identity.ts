/** Device identities of the bench and the connect frames they sign. */
import { createHash, createPrivateKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { deviceAuthPayloadV3, signedToken } from '../../src/protocol/device-auth.ts'

/** Plain data, so that it can be handed to a load process. */
export interface DeviceIdentity {
  readonly deviceId: string
  readonly publicKey: string
  readonly privateKeyPem: string
  /** Given by the gateway when the device was first let in. */
  deviceToken?: string
}

export function createIdentity (): DeviceIdentity {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url')
  return {
    deviceId: createHash('sha256').update(raw).digest('hex'),
    publicKey: raw.toString('base64url'),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
  }
}

export interface Signer {
  readonly identity: DeviceIdentity
  readonly key: KeyObject
}

export const createSigner = (identity: DeviceIdentity): Signer => ({ identity, key: createPrivateKey(identity.privateKeyPem) })

export interface Secret {
  readonly token?: string
  readonly password?: string
  readonly deviceToken?: string
}

export interface ConnectOptions {
  readonly signer?: Signer
  readonly secret?: Secret
  readonly nonce: string
  readonly ts: number
}

const client = { id: 'cli', version: '1.0.0', platform: 'linux', mode: 'cli' }
const role = 'operator'
const scopes = ['operator.read', 'operator.write', 'operator.admin', 'operator.approvals', 'operator.pairing']

/** The id of every connect request of the bench. */
export const connectId = 'connect-1'

/** The size and the fields of a connect frame as the official CLI sends it. */
export function connectFrame ({ signer, secret = {}, nonce, ts }: ConnectOptions): string {
  const params = {
    minProtocol: 4, maxProtocol: 4, client, role, scopes, caps: [], locale: 'en-US', userAgent: 'gateway-bench/1', auth: secret
  }
  const device = signer && deviceProof(signer, secret, nonce, ts)
  return JSON.stringify({ type: 'req', id: connectId, method: 'connect', params: device ? { ...params, device } : params })
}

function deviceProof ({ identity, key }: Signer, secret: Secret, nonce: string, ts: number) {
  const payload = deviceAuthPayloadV3({
    deviceId: identity.deviceId,
    clientId: client.id,
    clientMode: client.mode,
    role,
    scopes,
    signedAtMs: ts,
    token: signedToken(secret),
    nonce,
    platform: client.platform
  })
  const signature = sign(null, Buffer.from(payload), key).toString('base64url')
  return { id: identity.deviceId, publicKey: identity.publicKey, signature, signedAt: ts, nonce }
}
