import { createPublicKey, hash, type KeyObject } from 'node:crypto'
import { createRecent } from '../lib/recent.ts'

/** A public key that may stand for a device. */
export interface DeviceKey {
  /** Lowercase hex SHA-256 of the raw key. */
  readonly deviceId: string
  /** The raw 32 bytes in base64url: the one form that is stored and compared. */
  readonly publicKey: string
  readonly keyObject: KeyObject
}

const rawKeyBytes = 32
/** An Ed25519 key in SPKI form is this prefix and then the raw 32 bytes. */
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex')
/** No form of an Ed25519 key is longer; nothing longer is decoded or remembered. */
const longestKeyText = 256

/** Base64 of either alphabet, padded or not, and nothing else: the decoder itself skips whatever it does not know. */
export function decodeBase64 (text: string): Buffer | undefined {
  const body = text.trim().replace(/={1,2}$/, '')
  return /^[A-Za-z0-9+/_-]+$/.test(body) && body.length % 4 !== 1 ? Buffer.from(body, 'base64') : undefined
}

function decodePem (text: string): Buffer | undefined {
  const body = /^-----BEGIN PUBLIC KEY-----\s([A-Za-z0-9+/=\s]+)\s-----END PUBLIC KEY-----$/.exec(text.trim())?.[1]
  const der = body && decodeBase64(body.replace(/\s+/g, ''))
  if (!der || der.length !== spkiPrefix.length + rawKeyBytes || !der.subarray(0, spkiPrefix.length).equals(spkiPrefix)) return undefined
  return der.subarray(spkiPrefix.length)
}

const fieldPrime = 2n ** 255n - 19n
const orderEightY = 2707385501144840649318225287225658788936804267575313519463743609750303402022n
/** The y coordinates of the points of small order. Under such a key anybody can make signatures, so it names nobody. */
const smallOrderY: ReadonlySet<bigint> = new Set([0n, 1n, fieldPrime - 1n, orderEightY, fieldPrime - orderEightY])

const readY = (raw: Buffer): bigint => {
  const bigEndian = Buffer.from(raw).reverse()
  bigEndian[0] = (bigEndian[0] ?? 0) & 0x7f
  return BigInt(`0x${bigEndian.toString('hex')}`)
}

/** Written the one proper way and not of small order. */
const isUsable = (raw: Buffer): boolean => {
  if (raw.length !== rawKeyBytes) return false
  const y = readY(raw)
  return y < fieldPrime && !smallOrderY.has(y)
}

/** Reads a device key as clients send it: base64url, base64 or PEM. Undefined when no device can have this key. */
export function readDeviceKey (text: string): DeviceKey | undefined {
  if (text.length > longestKeyText) return undefined
  const raw = text.includes('-----') ? decodePem(text) : decodeBase64(text)
  if (!raw || !isUsable(raw)) return undefined
  const publicKey = raw.toString('base64url')
  const keyObject = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: publicKey }, format: 'jwk' })
  return { deviceId: hash('sha256', raw, 'hex'), publicKey, keyObject }
}

/** Keys that proved themselves, so that a returning device is not read and imported again. */
export interface DeviceKeyCache {
  get: (text: string) => DeviceKey | undefined
  remember: (text: string, key: DeviceKey) => void
  size: () => number
}

export function createDeviceKeyCache (max = 256): DeviceKeyCache {
  /** Least recently used first. */
  const keys = createRecent<DeviceKey>(max)
  return {
    get (text) {
      const key = keys.get(text)
      if (key) keys.set(text, key)
      return key
    },
    remember: keys.set,
    size: keys.size
  }
}
