/** Keeps the number of sessions bounded, by the rules of `session.maintenance`. Runs by itself, a little at a time; reads never prune. */
import type { Config } from '../config/schema.ts'
import { archiveTranscripts, pruneArchives } from './archive.ts'
import { keepBudget, parseSize } from './disk-budget.ts'
import { parseDuration } from '../lib/duration.ts'
import { isDisposable, parseKey } from './keys.ts'
import type { SessionRecord } from './record.ts'
import type { Row } from './rows.ts'
import type { SessionParts } from './sessions.ts'

export type MaintenanceAction = 'delete' | 'archive-age' | 'archive-dashboard' | 'archive-cap'

export interface MaintenanceStep { readonly key: string, readonly action: MaintenanceAction }

export interface MaintenanceReport {
  readonly mode: 'enforce' | 'warn'
  readonly applied: boolean
  readonly beforeCount: number
  readonly afterCount: number
  /** Disposable ones that are too old, or too many. */
  readonly deleted: number
  readonly archived: number
  readonly archivesRemoved: number
  readonly steps: readonly MaintenanceStep[]
}

export interface MaintenanceRequest {
  readonly agentId?: string
  /** Do it also where the configuration only warns. */
  readonly enforce?: boolean
  /** Say what would be done. */
  readonly dryRun?: boolean
  readonly activeKey?: string
}

export interface Maintenance {
  run (request?: MaintenanceRequest): Promise<MaintenanceReport>
  /** Called after a session was created; runs when there are enough of them. */
  noticed (): void
  settled (): Promise<void>
}

const modelRunMs = 24 * 3_600_000
/** The rules are looked at after so many new sessions, and with a new session when so much time has passed. */
const everyCreated = 256
const everyMs = 3_600_000
const maxSteps = 2_000
const maxArchivesAtOnce = 1_000

type Rules = Config['session']['maintenance']

const isModelRun = (key: string): boolean => /:explicit:model-run-[0-9a-f-]{36}$/.test(key)

/** Pinned, at work, the main one, or a place on a channel that people come back to. */
function isProtected ({ record, kind }: Row, activeKey: string | undefined): boolean {
  if (record.pinned === true || record.status === 'running' || kind === 'main' || record.key === activeKey) return true
  if (kind === 'group' || kind === 'channel') return true
  const { channel } = kind === 'direct' ? parseKey(record.key) : record
  return kind === 'direct' && channel !== undefined && channel !== 'http'
}

const lastSign = ({ updatedAt, lastActivityAt, lastInteractionAt }: SessionRecord): number =>
  Math.max(lastActivityAt ?? 0, lastInteractionAt ?? 0) || updatedAt

const dashboardMs = ({ archiveDashboardAfter }: Rules): number =>
  (archiveDashboardAfter === false ? 0 : parseDuration(String(archiveDashboardAfter))) || Infinity

/** What age alone demands. */
function ageAction (record: SessionRecord, rules: Rules, cronMs: number | undefined, now: number): MaintenanceAction | undefined {
  const parts = parseKey(record.key)
  const rested = now - lastSign(record)
  if (parts.kind === 'cron' && cronMs !== undefined && rested >= cronMs) return 'delete'
  if (isModelRun(record.key) && rested >= modelRunMs) return 'delete'
  if (rested >= parseDuration(rules.pruneAfter)) return isDisposable(parts) ? 'delete' : 'archive-age'
  return parts.kind === 'dashboard' && rested >= dashboardMs(rules) ? 'archive-dashboard' : undefined
}

export function createMaintenance (parts: SessionParts): Maintenance {
  const { options, rows, lines, writer, ready } = parts
  let created = 0
  let lookedAt: number | undefined
  let running: Promise<unknown> | undefined

  function planOf (request: MaintenanceRequest): MaintenanceStep[] {
    const { session, cron } = options.config().config
    const rules = session.maintenance
    const cronMs = cron.sessionRetention === false ? undefined : parseDuration(String(cron.sessionRetention))
    const now = options.now()
    const steps: MaintenanceStep[] = []
    const overflow: { disposable: Row[], ordinary: Row[] } = { disposable: [], ordinary: [] }
    const ranking = rows.ranking('updatedAt')
    const shortestMs = Math.min(cronMs ?? modelRunMs, modelRunMs, dashboardMs(rules), parseDuration(rules.pruneAfter))
    let excess = ranking.size('active') - rules.maxEntries
    for (const row of ranking.oldest()) {
      if (steps.length >= maxSteps) return steps
      const { record } = row
      // The rest is younger still, and enough was found.
      if (now - record.updatedAt < shortestMs && overflow.disposable.length >= excess) break
      if (isProtected(row, request.activeKey) || (request.agentId !== undefined && record.agentId !== request.agentId)) continue
      const action = ageAction(record, rules, cronMs, now)
      if (action) {
        steps.push({ key: record.key, action })
        excess--
      } else overflow[isDisposable(parseKey(record.key)) ? 'disposable' : 'ordinary'].push(row)
    }
    // What nobody misses goes before what somebody may.
    for (const { record } of overflow.disposable.slice(0, Math.max(0, excess))) steps.push({ key: record.key, action: 'delete' })
    excess -= overflow.disposable.length
    for (const { record } of overflow.ordinary.slice(0, Math.max(0, excess))) steps.push({ key: record.key, action: 'archive-cap' })
    return steps.slice(0, maxSteps)
  }

  async function apply ({ key, action }: MaintenanceStep): Promise<boolean> {
    const record = rows.get(key)?.record
    if (!record) return false
    const still = (current: SessionRecord | undefined): boolean => current?.updatedAt === record.updatedAt && current.status !== 'running'
    if (action === 'delete') {
      if (!isDisposable(parseKey(key)) && !isModelRun(key)) await archiveTranscripts(options.archiveDir, record, lines, options.now())
      return await writer.change(key, current => still(current) ? { remove: true, reason: 'cleanup' } : undefined) !== undefined
    }
    const archivedReason = { 'archive-age': 'age-retention', 'archive-dashboard': 'dashboard-retention', 'archive-cap': 'max-entries' }[action]
    const done = await writer.change(key, current => still(current)
      ? { patch: { archived: true, archivedAt: options.now(), archivedReason, updatedAt: record.updatedAt }, reason: 'cleanup' }
      : undefined)
    return done !== undefined
  }

  async function removeOldArchives (): Promise<number> {
    const { resetArchiveRetention, pruneAfter } = options.config().config.session.maintenance
    if (resetArchiveRetention === false) return 0
    const before = options.now() - parseDuration(String(resetArchiveRetention ?? pruneAfter))
    return pruneArchives(options.archiveDir, before, maxArchivesAtOnce)
  }

  async function stayWithinBudget (): Promise<number> {
    const { maxDiskBytes, highWaterBytes } = options.config().config.session.maintenance
    const maxBytes = maxDiskBytes === false ? 0 : parseSize(maxDiskBytes, 0)
    if (maxBytes === 0) return 0
    const { bytes, removed, isOver } = await keepBudget({
      database: options.store.status().path,
      archiveDir: options.archiveDir,
      maxBytes,
      highWaterBytes: parseSize(highWaterBytes, maxBytes) || maxBytes * 0.8,
      limit: maxArchivesAtOnce
    })
    if (isOver) {
      options.log.warn({ bytes, maxBytes },
        'sessions take more of the disk than session.maintenance.maxDiskBytes allows; delete what is not needed: openclaw sessions delete')
    }
    return removed
  }

  async function run (request: MaintenanceRequest = {}): Promise<MaintenanceReport> {
    await ready()
    const { mode } = options.config().config.session.maintenance
    const beforeCount = rows.size
    const steps = planOf(request)
    const applied = request.dryRun !== true && (mode === 'enforce' || request.enforce === true)
    const done = { deleted: 0, archived: 0, archivesRemoved: 0 }
    const count = ({ action }: MaintenanceStep): void => { done[action === 'delete' ? 'deleted' : 'archived']++ }
    if (applied) {
      // Side by side, so that the store commits them together.
      for (let from = 0; from < steps.length; from += 100) {
        const batch = steps.slice(from, from + 100)
        const outcomes = await Promise.all(batch.map(apply))
        batch.filter((_step, index) => outcomes[index]).forEach(count)
      }
      done.archivesRemoved = await removeOldArchives() + await stayWithinBudget()
    } else steps.forEach(count)
    return { mode, applied, beforeCount, afterCount: applied ? rows.size : beforeCount - done.deleted, ...done, steps }
  }

  return {
    run,
    noticed () {
      lookedAt ??= options.now()
      const isDue = ++created >= everyCreated || options.now() - lookedAt >= everyMs
      if (!isDue || running) return
      created = 0
      lookedAt = options.now()
      running = run()
        .then(({ applied, steps }) => {
          if (!applied && steps.length > 0) options.log.warn({ sessions: steps.length }, 'sessions are due for cleanup: openclaw sessions cleanup --enforce')
        })
        .catch((err: unknown) => options.log.warn({ err }, 'cleaning up sessions failed; it is tried again later'))
        .finally(() => { running = undefined })
    },
    async settled () { await running }
  }
}
