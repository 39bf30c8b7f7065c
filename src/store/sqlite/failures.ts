import { GatewayError } from '../../protocol/errors.ts'

/** Primary result codes of SQLite that mean: this file is not a sound database. */
const damageCodes: ReadonlySet<number> = new Set([11, 26])

interface SqliteFailure { errcode?: number, message?: string }

/** True when the file itself is damaged, as opposed to a disk that is full or a directory that refuses us. */
export function isDamage (error: unknown): boolean {
  const { errcode, message } = error as SqliteFailure
  if (typeof errcode !== 'number') return false
  // Someone emptied the file under us: it opens, and has no tables.
  return damageCodes.has(errcode & 0xff) || /^no such table: (entries|lines|runs|audit)/.test(message ?? '')
}

/** True when one change broke a rule of the schema: a mistake in that change, while the disk is well. */
export function isRuleBroken (error: unknown): boolean {
  const { errcode } = error as SqliteFailure
  return typeof errcode === 'number' && [1, 19].includes(errcode & 0xff) && !isDamage(error)
}

/** What the caller of a change is told when that change broke a rule. */
export function refusalOf (error: Error): Error {
  return error.message.includes('runs.claim') ? new GatewayError('CLAIM_TAKEN', { cause: error }) : error
}

export const storeUnavailable = (cause: unknown): GatewayError => {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new GatewayError('STORE_UNAVAILABLE', { message: `the state store cannot write: ${reason}`, cause })
}
