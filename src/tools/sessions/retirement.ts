/** Helpers that are done are put away after agents.defaults.subagents.archiveAfterMinutes. */
import type { SessionRecord } from '../../sessions/record.ts'
import type { SessionToolSources } from './ports.ts'
import { limitsOf } from './spawn-rules.ts'

type Sources = Pick<SessionToolSources, 'sessions' | 'log' | 'now' | 'config'>

const sweepMs = 60_000

export interface Retirement {
  /** Looks now and then, as long as there is something to put away. */
  watch (): void
  /** Looks at once. */
  sweep (): Promise<void>
  close (): void
}

export function createRetirement ({ sessions, log, now, config }: Sources, track: (work: Promise<void>) => void): Retirement {
  let timer: NodeJS.Timeout | undefined
  let closed = false

  function isDue ({ agentId, spawn, pinned, status }: SessionRecord): boolean {
    if (spawn?.endedAtMs === undefined || !spawn.report || pinned || status === 'running') return false
    const { archiveAfterMinutes } = limitsOf(config().config, agentId)
    return archiveAfterMinutes > 0 && now() - spawn.endedAtMs >= archiveAfterMinutes * 60_000
  }

  async function sweep (): Promise<void> {
    const open = [...Iterator.from(sessions.records()).filter(({ spawn, archived }) => spawn !== undefined && !archived)]
    const due = open.filter(isDue)
    const patch = { archived: true, archivedAt: now(), archivedReason: 'subagent-done' }
    for (const { key } of due) {
      if (sessions.get(key)) await sessions.write(key, { patch, reason: 'cleanup' })
    }
    if (due.length < open.length) watch()
  }

  function watch (): void {
    if (closed || timer) return
    timer = setTimeout(() => {
      timer = undefined
      track(sweep().catch(err => log.warn({ err }, 'helpers that are done could not be put away; trying again later')))
    }, sweepMs).unref()
  }

  return {
    watch,
    sweep,
    close () {
      closed = true
      clearTimeout(timer)
    }
  }
}
