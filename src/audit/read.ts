/** Pages of the log, newest or oldest first. */
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AuditEntry, AuditPage, AuditPageResult } from './act.ts'
import { linesBackwards, linesOf } from './lines.ts'
import { segmentsOf, type AuditPlaces } from './segments.ts'

/** Lines that are read before other work gets its turn. */
const linesPerTurn = 500
/** Lines that one page may cost; whoever looks for something rare goes on from there. */
const maxLines = 200_000

const matches = (page: AuditPage) => {
  const { kinds, act, acts, outcome, principal, afterMs, beforeMs, about } = page
  const facts = Object.entries(about ?? {})
  return (entry: AuditEntry): boolean =>
    (kinds === undefined || kinds.includes(entry.kind)) &&
    (act === undefined || entry.act.startsWith(act)) &&
    (acts === undefined || acts.some(beginning => entry.act.startsWith(beginning))) &&
    (outcome === undefined || entry.outcome === outcome) &&
    (principal === undefined || entry.actor?.principal === principal) &&
    (afterMs === undefined || Date.parse(entry.at) >= afterMs) &&
    (beforeMs === undefined || Date.parse(entry.at) < beforeMs) &&
    facts.every(([name, value]) => entry.about?.[name] === value)
}

async function * textsOf (places: AuditPlaces, newestFirst: boolean): AsyncGenerator<string> {
  const files = await segmentsOf(places)
  if (newestFirst) files.reverse()
  for (const file of files) {
    const path = join(places.directory, file)
    if (newestFirst) yield * linesBackwards(path)
    else for await (const { text, whole } of linesOf(path)) if (whole) yield text
  }
}

function entryOf (text: string): AuditEntry | undefined {
  try {
    const entry = JSON.parse(text) as AuditEntry
    return Number.isSafeInteger(entry?.seq) ? entry : undefined
  } catch {
    return undefined
  }
}

export async function readAudit (places: AuditPlaces, page: AuditPage): Promise<AuditPageResult> {
  const { limit, cursor, order = 'newest', afterMs } = page
  const newestFirst = order === 'newest'
  const isWanted = matches(page)
  const entries: AuditEntry[] = []
  let lines = 0
  let lastSeq: number | undefined
  for await (const text of textsOf(places, newestFirst)) {
    if (++lines % linesPerTurn === 0) await nextTurn()
    const entry = entryOf(text)
    if (!entry) continue
    if (cursor !== undefined && (newestFirst ? entry.seq >= cursor : entry.seq <= cursor)) continue
    if (newestFirst && afterMs !== undefined && Date.parse(entry.at) < afterMs) return { entries }
    if (entries.length === limit || lines > maxLines) return { entries, ...(lastSeq === undefined ? {} : { next: lastSeq }) }
    lastSeq = entry.seq
    if (isWanted(entry)) entries.push(entry)
  }
  return { entries }
}
