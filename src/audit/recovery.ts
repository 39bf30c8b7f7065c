/** Where the chain goes on after a start: behind the last entry that is really there and really ours. */
import { randomBytes } from 'node:crypto'
import { stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import type { AuditEntry } from './act.ts'
import { opened, type Link } from './chain.ts'
import { linesBackwards, linesOf, wholeBytes } from './lines.ts'
import { firstSeqOf, readHead, segmentsOf, type AuditPlaces, type Head } from './segments.ts'

export interface Recovered {
  readonly link: Link
  readonly base: Link
  /** The file that is written to, with its size; undefined: the next entry begins one. */
  readonly file?: string
  readonly bytes: number
  /** What is not as it was left, for the first entry of this life. */
  readonly damage?: string
}

/** A head is written after every group of entries, so it is never further behind than this. */
const maxAhead = 100_000

/** What a kill or a power cut left of a line was told to nobody as done. Says how long the file is then. */
async function cutTornLine (path: string): Promise<number> {
  const whole = await wholeBytes(path)
  if ((await stat(path)).size > whole) await truncate(path, whole)
  return whole
}

async function lastEntries (places: AuditPlaces, files: readonly string[], until: number): Promise<AuditEntry[] | string> {
  const found: AuditEntry[] = []
  for (const file of [...files].reverse()) {
    for await (const line of linesBackwards(join(places.directory, file))) {
      const entry = opened(line)
      if (typeof entry === 'string') return found.length > 0 ? found : entry
      found.push(entry)
      if (entry.seq <= until || found.length > maxAhead) return found
    }
  }
  return found
}

function judge (head: Head, found: readonly AuditEntry[] | string): { link: Link, damage?: string } {
  if (typeof found === 'string') return { link: head.head, damage: found }
  const [last] = found
  if (last === undefined) return head.head.seq > head.base.seq ? { link: head.head, damage: 'every entry is gone' } : { link: head.head }
  if (last.seq < head.head.seq) return { link: head.head, damage: `entries are missing at the end: there are ${last.seq} of ${head.head.seq}` }
  const same = found.find(({ seq }) => seq === head.head.seq)
  if (head.head.seq > head.base.seq && same?.hash !== head.head.hash) return { link: head.head, damage: `entry ${head.head.seq} is not the one that was written` }
  return { link: last }
}

/** The chain never goes on as if nothing had happened: behind damage it hangs on the head, so the damage stays to be found. */
export async function recoverAudit (places: AuditPlaces): Promise<Recovered> {
  const files = await segmentsOf(places)
  const known = await readHead(places)
  const last = files.at(-1)
  // A damaged line must not be cut off as a torn one: it is evidence.
  const bytes = last === undefined ? 0 : await cutTornLine(join(places.directory, last))
  const at = { bytes, ...(last === undefined ? {} : { file: last }) }
  if (known !== undefined && known !== 'unreadable') {
    const kept = files.filter(file => firstSeqOf(file) > known.base.seq)
    return { ...judge(known, await lastEntries(places, kept, known.head.seq)), base: known.base, ...at }
  }
  const damage = known === 'unreadable' ? 'the head could not be read' : last === undefined ? undefined : 'the head is missing'
  const found = await lastEntries(places, files, Infinity)
  const link = (typeof found === 'string' ? undefined : found[0]) ?? { seq: 0, hash: randomBytes(32).toString('base64url') }
  return { link, base: await baseOf(places, files[0]) ?? { seq: 0, hash: link.hash }, ...at, ...(damage === undefined ? {} : { damage }) }
}

async function baseOf (places: AuditPlaces, first: string | undefined): Promise<Link | undefined> {
  if (first === undefined) return undefined
  const lines = linesOf(join(places.directory, first))
  const { value } = await lines.next()
  await lines.return(undefined)
  const entry = value ? opened(value.text) : 'none'
  return typeof entry === 'string' ? undefined : { seq: entry.seq - 1, hash: entry.prev }
}
