/**
 * The chain. Each line carries the hash of the line before and its own, which is taken over its text as it stands: whatever byte
 * changes, in whatever line, one hash does not fit any more.
 */
import { hash as digest } from 'node:crypto'
import type { AuditEntry } from './act.ts'

export interface Link {
  readonly seq: number
  readonly hash: string
}

const hashLength = 43
const seal = (hash: string): string => `,"hash":"${hash}"}`
const sealLength = seal('').length + hashLength

export const hashOf = (text: string): string => digest('sha256', text, 'base64url')

/** The line for these fields, without its line break, and the link that the next one hangs on. */
export function sealed (fields: Omit<AuditEntry, 'seq' | 'prev' | 'hash'>, { seq: lastSeq, hash: prev }: Link): { line: string, link: Link } {
  const seq = lastSeq + 1
  const text = JSON.stringify({ seq, ...fields, prev })
  const hash = hashOf(text)
  return { line: text.slice(0, -1) + seal(hash), link: { seq, hash } }
}

/** The entry of a line; a sentence when the line is not as it was written. */
export function opened (line: string): AuditEntry | string {
  const text = `${line.slice(0, -sealLength)}}`
  let entry: AuditEntry
  try {
    entry = JSON.parse(line) as AuditEntry
  } catch {
    return 'the line is no JSON'
  }
  if (typeof entry !== 'object' || entry === null || !Number.isSafeInteger(entry.seq)) return 'the line is no entry'
  if (line.slice(-sealLength) !== seal(entry.hash) || hashOf(text) !== entry.hash) return 'the line was changed after it was written'
  return entry
}

/** What is wrong between two entries that should follow each other; undefined when they do. */
export function gap (before: Link, { seq, prev }: Pick<AuditEntry, 'seq' | 'prev'>): string | undefined {
  if (seq !== before.seq + 1) return `entries are missing: ${before.seq} is followed by ${seq}`
  return prev === before.hash ? undefined : `the entry does not hang on entry ${before.seq} as that one stands now`
}
