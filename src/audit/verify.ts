/** Proves the log: every line as it was written, every line in its place, none missing at either end. */
import { join } from 'node:path'
import type { AuditProblem, AuditReport } from './act.ts'
import { gap, opened, type Link } from './chain.ts'
import { linesOf } from './lines.ts'
import { firstSeqOf, readHead, segmentsOf, type AuditPlaces, type Head } from './segments.ts'

/** As many as a person reads; one change breaks one line, or two. */
const maxProblems = 100

interface Course {
  readonly problems: AuditProblem[]
  readonly say: (file: string, problem: string, seq?: number) => void
  entries: number
  first: number | undefined
  last: Link | undefined
  /** Up to where the log says itself that it let go of entries. */
  readonly pruned: Set<number>
  /** What the head and whoever remembers one say that there must be. */
  readonly wanted: Map<number, { readonly hash: string, readonly who: string }>
}

function meet (course: Course, file: string, link: Link): void {
  const { wanted, say } = course
  const known = wanted.get(link.seq)
  if (!known) return
  wanted.delete(link.seq)
  if (known.hash !== link.hash) say(file, `${known.who} knows another entry ${link.seq}`, link.seq)
}

async function readSegment (path: string, file: string, course: Course): Promise<void> {
  const { say } = course
  for await (const { text, whole } of linesOf(path)) {
    if (!whole) {
      // A write that a power cut or a kill ended has told nobody that it was done.
      const seq = (course.last?.seq ?? 0) + 1
      if ([...course.wanted.keys()].some(wanted => wanted >= seq)) say(file, 'the last line is cut off', seq)
      return
    }
    const entry = opened(text)
    if (typeof entry === 'string') {
      const seq = (course.last?.seq ?? 0) + 1
      say(file, entry, seq)
      // The next line is to be judged by itself: one bad line is one finding.
      course.last = { seq, hash: '' }
      continue
    }
    const problem = course.last && course.last.hash !== '' ? gap(course.last, entry) : undefined
    if (problem !== undefined) say(file, problem, entry.seq)
    course.first ??= entry.seq
    course.entries++
    course.last = entry
    if (entry.act === 'audit.pruned' && typeof entry.about?.through === 'number') course.pruned.add(entry.about.through)
    meet(course, file, entry)
  }
}

const byWhom = (head: Head | undefined, remembered: Link | undefined): Course['wanted'] => new Map([
  ...head && head.head.seq > 0 ? [[head.head.seq, { hash: head.head.hash, who: 'the head, which is kept apart,' }] as const] : [],
  ...remembered ? [[remembered.seq, { hash: remembered.hash, who: 'the head that you remember' }] as const] : []
])

/** `remembered`: a head that somebody kept elsewhere. */
export async function verifyAudit (places: AuditPlaces, remembered?: Link): Promise<AuditReport> {
  const problems: AuditProblem[] = []
  const say = (file: string, problem: string, seq?: number): void => {
    if (problems.length < maxProblems) problems.push({ file, problem, ...(seq === undefined ? {} : { seq }) })
  }
  const found = await readHead(places)
  const head = found === 'unreadable' ? undefined : found
  if (found === 'unreadable') say(places.headFile, 'the head cannot be read')
  const baseSeq = head?.base.seq ?? 0
  // A file that was to go and is still there is none of the log any more.
  const files = (await segmentsOf(places)).filter(file => firstSeqOf(file) > baseSeq)
  if (found === undefined && files.length > 0) say(places.headFile, 'the head is missing: entries at the end may be, too')
  const course: Course = {
    problems, say, entries: 0, first: undefined, last: head?.base, pruned: new Set(), wanted: byWhom(head, remembered)
  }
  for (const file of files) await readSegment(join(places.directory, file), file, course)
  if (baseSeq > 0 && !course.pruned.has(baseSeq)) {
    say(places.headFile, `entries up to ${baseSeq} are gone, and the log does not say that they were to go`)
  }
  for (const [seq, { who }] of course.wanted) {
    if (seq > baseSeq) say(files.at(-1) ?? places.directory, `entries are missing at the end: ${who} knows entry ${seq}`, seq)
    else say(places.headFile, `entry ${seq} is no longer kept, so nothing can be said about it`, seq)
  }
  const { entries, first, last } = course
  return {
    ok: problems.length === 0,
    entries,
    ...(first === undefined ? {} : { first }),
    ...(last && last.seq > 0 && entries > 0 ? { last: last.seq, head: `${last.seq}:${last.hash}` } : {}),
    problems
  }
}

/** `seq:hash`, as a report names it. */
export function linkOf (text: string | undefined): Link | undefined {
  const [, seq, hash] = /^(\d{1,15}):([\w-]{43})$/.exec(text ?? '') ?? []
  return seq === undefined || hash === undefined ? undefined : { seq: Number(seq), hash }
}
