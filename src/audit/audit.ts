/** The audit log as the rest of the gateway knows it: one port that takes acts and makes nobody wait, and what can be asked of it. */
import { escapeControl } from '../lib/text.ts'
import type { Act, Actor, AuditFacts, AuditPage, AuditPageResult, AuditReport, AuditStanding, Fact, Told } from './act.ts'
import { createRepeats } from './repeats.ts'
import { readHead, type AuditPlaces } from './segments.ts'
import type { AuditLimits, AuditWriter, Draft } from './writer.ts'

export interface AuditOptions {
  readonly places: AuditPlaces
  readonly limits: () => AuditLimits
  readonly enabled: () => boolean
  readonly now: () => number
  /** Takes secrets out of whatever is written. */
  readonly redact: (text: string) => string
  readonly onTrouble: (error: Error, waiting: number) => void
  readonly onRecovered: () => void
  readonly retryMs?: number
}

export interface Audit extends Told {
  list (page: AuditPage): Promise<AuditPageResult>
  /** `remembered`: `seq:hash` as an earlier report named it. */
  verify (remembered?: string): Promise<AuditReport>
  /** Everything told so far is on the disk, or the disk does not take it. */
  flush (): Promise<void>
  facts (): AuditFacts
  /** The same with what lies on the disk. */
  standing (): Promise<AuditStanding>
  close (): Promise<void>
}

/** Acts that come within it share one write: when few come, and when many do. */
const gatherMs = { few: 25, many: 100 }
const manyActs = 16
const sweepMs = 60_000
/** As many as are made ready in one go: others have their turn while the disk has these. */
const groupActs = 512
const maxWaiting = 8_192
const maxChars = 200
const maxItems = 16
const longestRetryMs = 30_000

interface Happened { readonly atMs: number, readonly act: Act }

const droppedActs = (acts: number): Act => ({ kind: 'audit', act: 'audit.dropped', outcome: 'failed', about: { acts } })

type Fields = { [name: string]: Fact }

/** As many of the fields as an entry takes; undefined when none says anything. */
function fieldsOf (fields: { readonly [name: string]: Fact | undefined }, change: (fact: Fact) => Fact): Fields | undefined {
  let result: Fields | undefined
  let items = 0
  for (const name in fields) {
    const fact = fields[name]
    if (fact === undefined) continue
    if (++items > maxItems) break
    result ??= {}
    result[name] = change(fact)
  }
  return result
}

/** Entries for acts. Who did what where repeats itself, so each text is cleaned once for all of them. */
function draftsOf (happened: readonly Happened[], clean: (text: string) => string): Draft[] {
  const known = new Map<string, string>()
  const cleaned = (text: string): string => {
    let found = known.get(text)
    if (found === undefined) known.set(text, found = clean(text))
    return found
  }
  const cleanFact = (fact: Fact): Fact => {
    if (typeof fact === 'string') return cleaned(fact)
    return typeof fact === 'object' ? fact.slice(0, maxItems).map(cleaned) : fact
  }
  return happened.map(({ atMs, act: { kind, act, outcome, actor, code, about } }) => {
    const draft: { -readonly [name in keyof Draft]: Draft[name] } = { at: new Date(atMs).toISOString(), kind, act: cleaned(act), outcome }
    const by = actor && fieldsOf({ ...actor }, cleanFact)
    if (by) draft.actor = by as Fields & Actor
    if (code !== undefined) draft.code = code
    const facts = about && fieldsOf(about, cleanFact)
    if (facts) draft.about = facts
    return draft
  })
}

export function createAudit (options: AuditOptions): Audit {
  const { places, limits, now, redact, retryMs = 1_000 } = options
  const repeats = createRepeats(now)
  let waiting: Happened[] = []
  let timer: NodeJS.Timeout | undefined
  let sweeper: NodeJS.Timeout | undefined
  let writing: Promise<void> | undefined
  let loading: Promise<AuditWriter> | undefined
  let failures = 0
  let lastGroup = 0
  let written = 0
  let dropped = 0
  let verified: AuditStanding['verified']
  let isClosed = false

  const clean = (text: string): string => escapeControl(redact(text.slice(0, maxChars * 4)), maxChars)

  function push (act: Act): void {
    if (waiting.length >= maxWaiting) dropped++
    else waiting.push({ atMs: now(), act })
  }
  function schedule (ms: number): void {
    if (!isClosed) timer ??= setTimeout(() => { timer = undefined; void flush() }, ms).unref()
  }
  function sweep (): void {
    sweeper = undefined
    for (const act of repeats.settle()) push(act)
    if (waiting.length > 0) schedule(0)
  }

  const writer = async (): Promise<AuditWriter> => {
    loading ??= import('./writer.ts').then(({ createAuditWriter }) => createAuditWriter({ places, limits, now })).catch((error: unknown) => {
      loading = undefined
      throw error
    })
    return await loading
  }

  async function drain (): Promise<void> {
    while (waiting.length > 0) {
      const taken = waiting.slice(0, groupActs)
      const lost = dropped
      waiting = waiting.slice(groupActs)
      try {
        const all = lost > 0 ? [...taken, { atMs: now(), act: droppedActs(lost) }] : taken
        const drafts = draftsOf(all, clean)
        await (await writer()).append(drafts)
        written += drafts.length
        lastGroup = drafts.length
        dropped -= lost
        if (failures > 0) options.onRecovered()
        failures = 0
      } catch (error) {
        waiting = [...taken, ...waiting]
        dropped += Math.max(0, waiting.length - maxWaiting)
        waiting.length = Math.min(waiting.length, maxWaiting)
        if (failures++ === 0) options.onTrouble(error as Error, waiting.length)
        return schedule(Math.min(longestRetryMs, retryMs * 2 ** Math.min(failures - 1, 5)))
      }
    }
  }
  function flush (): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    writing ??= drain().finally(() => { writing = undefined })
    return writing
  }

  const facts = (): AuditFacts => ({ enabled: options.enabled(), written, waiting: waiting.length, dropped, failing: failures > 0 })

  return {
    told (act, { always, later } = {}) {
      if (isClosed || (!always && !options.enabled())) return
      if (act.repeats !== undefined) {
        sweeper ??= setTimeout(sweep, sweepMs).unref()
        if (!repeats.admit(act)) return
      }
      push(act)
      if (failures === 0 && !later) schedule(lastGroup > manyActs ? gatherMs.many : gatherMs.few)
    },
    async list (page) {
      await flush()
      const { readAudit } = await import('./read.ts')
      return await (await writer()).during(() => readAudit(places, page))
    },
    async verify (remembered) {
      await flush()
      const { verifyAudit, linkOf } = await import('./verify.ts')
      const report = await (await writer()).during(() => verifyAudit(places, linkOf(remembered)))
      verified = { atMs: now(), ok: report.ok, entries: report.entries }
      return report
    },
    async flush () {
      await flush()
      if (failures === 0 && waiting.length > 0) await flush()
    },
    facts,
    async standing () {
      const found = await readHead(places).catch(() => 'unreadable' as const)
      const isThere = found !== undefined && found !== 'unreadable'
      return {
        ...facts(),
        entries: isThere ? found.head.seq - found.base.seq : 0,
        ...(isThere ? { head: `${found.head.seq}:${found.head.hash}` } : {}),
        ...(verified ? { verified } : {})
      }
    },
    async close () {
      if (isClosed) return
      for (const act of repeats.settle(true)) push(act)
      isClosed = true
      clearTimeout(sweeper)
      await flush()
      await flush()
      await (await loading)?.close()
    }
  }
}
