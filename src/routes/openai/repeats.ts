import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { invalid } from './errors.ts'

export interface Repeat { readonly key: string, readonly fingerprint: string }

const maxKeyChars = 512

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)

/** The same key from the same caller is the same request; with another body it is refused. */
export function repeatOf ({ headers, body }: FastifyRequest): Repeat | undefined {
  const key = headers['idempotency-key']
  if (typeof key !== 'string' || key.trim() === '') return undefined
  if (key.length > maxKeyChars) throw invalid(`\`Idempotency-Key\` must not be longer than ${maxKeyChars} characters.`)
  return { key: key.trim(), fingerprint: hashOf(JSON.stringify(body)) }
}
