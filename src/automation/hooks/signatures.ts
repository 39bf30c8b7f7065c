/** Senders who cannot send a token sign what they send. */
import { createHash, createHmac } from 'node:crypto'
import { secretsEqual } from '../../auth/secret.ts'
import type { HookCall } from './room.ts'
import type { SignatureScheme } from './settings.ts'

/** How old a signed request may be, as its senders recommend. */
const toleranceMs = 5 * 60_000

const hmac = (secret: string, ...parts: ReadonlyArray<string | Buffer>): string => {
  const mac = createHmac('sha256', secret)
  for (const part of parts) mac.update(part)
  return mac.digest('hex')
}

const equals = (hex: string | undefined, expected: string): boolean => hex !== undefined && secretsEqual(hex.toLowerCase(), expected)

const isRecent = (seconds: string | undefined, now: number): boolean =>
  seconds !== undefined && /^\d{1,12}$/.test(seconds) && Math.abs(now - Number(seconds) * 1000) <= toleranceMs

function stripe (secret: string, { headers, body }: HookCall, now: number): boolean {
  const fields = (headers['stripe-signature'] ?? '').slice(0, 2000).split(',').map(field => field.trim().split('=', 2) as [string, string?])
  const at = fields.find(([name]) => name === 't')?.[1]
  if (!isRecent(at, now)) return false
  const expected = hmac(secret, `${at}.`, body)
  // While a secret is rotated there is one signature for each.
  return fields.filter(([name]) => name === 'v1').slice(0, 8).some(([, value]) => equals(value, expected))
}

function slack (secret: string, { headers, body }: HookCall, now: number): boolean {
  const at = headers['x-slack-request-timestamp']
  return isRecent(at, now) && equals(/^v0=(.*)$/.exec(headers['x-slack-signature'] ?? '')?.[1], hmac(secret, `v0:${at}:`, body))
}

const github = (secret: string, { headers, body }: HookCall): boolean =>
  equals(/^sha256=(.*)$/.exec(headers['x-hub-signature-256'] ?? '')?.[1], hmac(secret, body))

/** A blank secret is none: it signs nothing. */
export function isSigned (scheme: SignatureScheme, secret: string, call: HookCall, now: number): boolean {
  if (secret.trim() === '') return false
  return scheme === 'github' ? github(secret, call) : scheme === 'stripe' ? stripe(secret, call, now) : slack(secret, call, now)
}

const idFields: { readonly [scheme in SignatureScheme]: string | undefined } = { github: undefined, stripe: 'id', slack: 'event_id' }

/**
 * What names one delivery, however often it is sent: never a header that the signature does not cover. It says nothing of where it was
 * sent, so the same delivery elsewhere is known for what it is.
 */
export function deliveryId (scheme: SignatureScheme, secret: string, body: Buffer, payload: unknown): string {
  const field = idFields[scheme]
  const named = field === undefined ? undefined : (payload as { readonly [name: string]: unknown } | null)?.[field]
  const what = typeof named === 'string' && named !== '' ? `id:${named}` : body
  return `signed-${createHash('sha256').update(secret).update('\0').update(scheme).update('\0').update(what).digest('base64url')}`
}
