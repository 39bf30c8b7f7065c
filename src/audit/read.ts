/** Pages of the log, newest or oldest first. */
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AuditEntry, AuditPage, AuditPageResult } from './act.ts'
import { linesBackwards, linesOf } from './lines.ts'
import { firstSeqOf, segmentsOf, type AuditPlaces } from './segments.ts'

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

/** The files that can have entries behind the cursor: each begins with the entry that it is called after. */
function filesBehind (files: readonly string[], cursor: number | undefined, newestFirst: boolean): readonly string[] {
  if (newestFirst) return files.filter(file => cursor === undefined || firstSeqOf(file) < cursor).reverse()
  const first = files.findLastIndex(file => firstSeqOf(file) <= (cursor ?? 0) + 1)
  return files.slice(Math.max(0, first))
}

async function * textsOf (places: AuditPlaces, cursor: number | undefined, newestFirst: boolean): AsyncGenerator<string> {
  for (const file of filesBehind(await segmentsOf(places), cursor, newestFirst)) {
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
  for await (const text of textsOf(places, cursor, newestFirst)) {
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
