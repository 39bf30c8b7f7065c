/** A certificate that nobody else vouches for, made on the spot: a P-256 key and the few bytes of DER around it. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIP } from 'node:net'

export interface SelfSignedOptions {
  readonly commonName: string
  /** Host names and addresses that it is good for. */
  readonly names?: readonly string[]
  readonly days: number
  readonly now: number
}

export interface SelfSigned {
  readonly key: string
  readonly cert: string
}

const der = (tag: number, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts)
  const { length } = body
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...size]), body])
}
const sequence = (...parts: Uint8Array[]): Buffer => der(0x30, ...parts)
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
const utcTime = (timeMs: number): Buffer => der(0x17, Buffer.from(`${new Date(timeMs).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`))

const ecdsaWithSha256 = '2a8648ce3d040302'
const subjectAltName = '551d11'
const commonNameOid = '550403'
const dayMs = 86_400_000

function addressBytes (address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number))
  const [head = '', tail] = address.split('::').map(half => half.split(':').filter(Boolean))
  const missing = tail === undefined ? 0 : 8 - head.length - tail.length
  const groups = [...head, ...Array<string>(missing).fill('0'), ...tail ?? []]
  return Buffer.from(groups.map(group => group.padStart(4, '0')).join(''), 'hex')
}

const alternative = (name: string): Buffer => isIP(name) ? der(0x87, addressBytes(name)) : der(0x82, Buffer.from(name))

function extensions (names: readonly string[]): Buffer[] {
  if (names.length === 0) return []
  return [der(0xa3, sequence(sequence(oid(subjectAltName), der(0x04, sequence(...names.map(alternative))))))]
}

function serialNumber (): Buffer {
  const bytes = randomBytes(16)
  // Positive, and without a leading zero.
  bytes[0] = (bytes[0]! & 0x7f) | 0x40
  return der(0x02, bytes)
}

export function selfSigned ({ commonName, names = [], days, now }: SelfSignedOptions): SelfSigned {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(oid(ecdsaWithSha256))
  const name = sequence(der(0x31, sequence(oid(commonNameOid), der(0x0c, Buffer.from(commonName)))))
  // Clocks differ: a certificate that begins this very moment is not valid yet somewhere.
  const validity = sequence(utcTime(now - dayMs), utcTime(now + days * dayMs))
  const version = der(0xa0, der(0x02, Buffer.from([2])))
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const body = sequence(version, serialNumber(), algorithm, name, validity, name, spki, ...extensions(names))
  const whole = sequence(body, algorithm, der(0x03, Buffer.from([0]), sign('sha256', body, privateKey)))
  const lines = whole.toString('base64').match(/.{1,64}/g)!.join('\n')
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
  }
}
