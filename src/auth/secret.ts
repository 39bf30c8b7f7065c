import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

const digest = (text: string): Buffer => hash('sha256', text, 'buffer')

/**
 * The one comparison of secrets. Both sides are hashed first, so neither the length nor a common beginning shows in the time
 * it takes. An empty secret equals nothing, not even another empty one: what is not configured lets nobody in.
 */
export function secretsEqual (a: string, b: string): boolean {
  const same = timingSafeEqual(digest(a), digest(b))
  return same && a !== ''
}

/** A secret that somebody presented, hashed once however many it is held against. */
export class PresentedSecret {
  readonly digest: Buffer
  constructor (text: string) {
    this.digest = digest(text)
  }

  /** What `hashToken` makes of it. */
  get hash (): string { return this.digest.toString('base64url') }
}

/** Holds what was presented against one secret of our own, whose hash is kept until it changes. In constant time, like `secretsEqual`. */
export function createSecretCheck (): (presented: PresentedSecret, own: string) => boolean {
  let known: { readonly own: string, readonly digest: Buffer } | undefined
  return (presented, own) => {
    if (known?.own !== own) known = { own, digest: digest(own) }
    const same = timingSafeEqual(presented.digest, known.digest)
    return same && own !== ''
  }
}

/** The form in which an issued token rests in the store. */
export const hashToken = (token: string): string => hash('sha256', token, 'base64url')

export const newToken = (bytes = 32): string => randomBytes(bytes).toString('base64url')

const placeholders: ReadonlySet<string> = new Set([
  'undefined', 'null', '__openclaw_redacted__', '[redacted]', '<redacted>', 'redacted',
  'change-me-to-a-long-random-token', 'change-me-now', 'change-me-to-a-strong-password', 'your_gateway_token'
])

/** Blank, masked, or copied from an example: configured in form only. */
export function isPlaceholderSecret (value: string): boolean {
  const text = value.trim().toLowerCase()
  return /^[*•]*$/.test(text) || placeholders.has(text)
}
