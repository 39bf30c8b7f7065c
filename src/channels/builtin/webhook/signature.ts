/** One signature for both ways: HMAC-SHA256 of the time, a dot and the body as it is. */
import { createHmac } from 'node:crypto'
import { secretsEqual } from '../../../auth/secret.ts'

export const headerNames = { timestamp: 'x-openclaw-timestamp', signature: 'x-openclaw-signature', id: 'x-openclaw-id' } as const

const hexOf = (secret: string, timestamp: string, body: string | Uint8Array): string =>
  createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')

export function signed (secret: string, body: string | Uint8Array, nowMs: number): { readonly [header: string]: string } {
  const timestamp = String(Math.floor(nowMs / 1000))
  return { [headerNames.timestamp]: timestamp, [headerNames.signature]: `sha256=${hexOf(secret, timestamp, body)}` }
}

export interface Presented {
  readonly headers: { readonly [name: string]: string | undefined }
  readonly body: Uint8Array
}

/** Why it comes from none of those that have a secret; undefined when it does. */
export function signatureProblem (
  secrets: readonly string[], { headers, body }: Presented, nowMs: number, toleranceMs: number
): string | undefined {
  const timestamp = headers[headerNames.timestamp] ?? ''
  const given = /^sha256=([0-9a-f]{64})$/i.exec(headers[headerNames.signature] ?? '')?.[1]?.toLowerCase()
  if (!/^\d{1,12}$/.test(timestamp) || given === undefined) return `${headerNames.timestamp} and ${headerNames.signature} are needed`
  const fits = secrets.map(secret => secretsEqual(given, hexOf(secret, timestamp, body)))
  if (!fits.includes(true)) return 'the signature does not fit'
  return Math.abs(nowMs - Number(timestamp) * 1000) <= toleranceMs ? undefined : 'the time of the signature is too far from now: sign it again'
}
