/** The files of the audit log, and the head, which stands apart from them. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readIfPresent, writePrivateFile } from '../lib/private-file.ts'
import type { Link } from './chain.ts'

export interface AuditPlaces {
  readonly directory: string
  readonly headFile: string
}

export const auditPlaces = (stateDir: string): AuditPlaces =>
  ({ directory: join(stateDir, 'audit'), headFile: join(stateDir, 'identity', 'audit-head.json') })

/** What the log must reach at least, and what its oldest entry hangs on. */
export interface Head {
  readonly head: Link
  readonly base: Link
}

const segmentName = /^audit-(\d{12})\.jsonl$/

/** A file is called after its first entry, so their names sort as their entries do. */
export const segmentFor = (firstSeq: number): string => `audit-${String(firstSeq).padStart(12, '0')}.jsonl`

export const firstSeqOf = (file: string): number => Number(segmentName.exec(file)?.[1])

export async function segmentsOf ({ directory }: AuditPlaces): Promise<string[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
    return []
  })
  return names.filter(name => segmentName.test(name)).sort()
}

const isLink = (value: unknown): value is Link => {
  const { seq, hash } = (value ?? {}) as Partial<Link>
  return Number.isSafeInteger(seq) && typeof hash === 'string'
}

/** Undefined when there is none, `'unreadable'` when it is none. */
export async function readHead ({ headFile }: AuditPlaces): Promise<Head | undefined | 'unreadable'> {
  const text = await readIfPresent(headFile)
  if (text === undefined) return undefined
  try {
    const { head, base } = JSON.parse(text) as Partial<Head>
    return isLink(head) && isLink(base) ? { head, base } : 'unreadable'
  } catch {
    return 'unreadable'
  }
}

export const writeHead = async ({ headFile }: AuditPlaces, head: Head): Promise<void> => await writePrivateFile(headFile, `${JSON.stringify(head)}\n`)
