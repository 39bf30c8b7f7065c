import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createPrivateFile, quarantineFile, readIfPresent } from './private-file.ts'

/** Who a device is: an Ed25519 key pair and the id that follows from it. */
export interface DeviceIdentity {
  /** Lowercase hex SHA-256 of the raw public key. */
  readonly deviceId: string
  /** The raw 32 bytes in base64url, as `device.publicKey` carries it. */
  readonly publicKey: string
  readonly publicKeyPem: string
  readonly privateKeyPem: string
}

export interface LoadIdentityOptions {
  /** Told where an unreadable identity file was set aside. */
  onQuarantine?: (path: string) => void
}

/** An Ed25519 key in SPKI form is this prefix and then the raw 32 bytes. */
const spkiPrefixBytes = 12
const rawKeyBytes = 32

const rawPublicKey = (key: KeyObject): Buffer => {
  const spki = key.export({ type: 'spki', format: 'der' })
  return spki.subarray(spkiPrefixBytes, spkiPrefixBytes + rawKeyBytes)
}

/** Takes the raw key as bytes or as base64 in either alphabet. */
export const deviceIdOf = (publicKeyRaw: Uint8Array | string): string =>
  createHash('sha256').update(typeof publicKeyRaw === 'string' ? Buffer.from(publicKeyRaw, 'base64url') : publicKeyRaw).digest('hex')

function identityOf (privateKey: KeyObject): DeviceIdentity {
  const publicKey = createPublicKey(privateKey)
  const raw = rawPublicKey(publicKey)
  return {
    deviceId: deviceIdOf(raw),
    publicKey: raw.toString('base64url'),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  }
}

export const createDeviceIdentity = (): DeviceIdentity => identityOf(generateKeyPairSync('ed25519').privateKey)

/** The base64url signature over the UTF-8 bytes of a device-auth payload. */
export const signDevicePayload = (identity: DeviceIdentity, payload: string): string =>
  sign(null, Buffer.from(payload, 'utf8'), createPrivateKey(identity.privateKeyPem)).toString('base64url')

/** Only the private key is believed; the rest of the file follows from it. */
function parseIdentity (text: string): DeviceIdentity | undefined {
  try {
    const { privateKeyPem } = JSON.parse(text) as { privateKeyPem?: unknown }
    if (typeof privateKeyPem !== 'string') return undefined
    const key = createPrivateKey(privateKeyPem)
    return key.asymmetricKeyType === 'ed25519' ? identityOf(key) : undefined
  } catch {
    return undefined
  }
}

/** Reads the identity of this state directory, or makes one. An unreadable file is set aside, never overwritten. */
export async function loadOrCreateDeviceIdentity (file: string, options: LoadIdentityOptions = {}): Promise<DeviceIdentity> {
  const found = await readIfPresent(file)
  const known = found === undefined ? undefined : parseIdentity(found)
  if (known) return known
  if (found !== undefined) {
    const aside = await quarantineFile(file)
    options.onQuarantine?.(aside)
  }
  const identity = createDeviceIdentity()
  const record = { version: 1, deviceId: identity.deviceId, publicKeyPem: identity.publicKeyPem, privateKeyPem: identity.privateKeyPem }
  // Two programs that start together end up with one identity.
  if (await createPrivateFile(file, `${JSON.stringify(record, null, 2)}\n`)) return identity
  const winner = parseIdentity(await readFile(file, 'utf8'))
  if (!winner) throw new Error(`device identity ${file} cannot be read`)
  return winner
}
