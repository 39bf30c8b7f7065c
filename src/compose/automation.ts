/** What happens by itself: jobs, heartbeats and wakes. Each is loaded when there is something for it to do. */
import { randomUUID } from 'node:crypto'
import { workspaceOf } from '../agent/roster/workspace.ts'
import { heartbeatsOf, nextBeat } from '../automation/heartbeat/settings.ts'
import type { Places } from '../automation/places.ts'
import type { AutomationSources } from '../automation/ports.ts'
import type { AutomationRoom } from '../automation/room.ts'
import type { TellingRun } from '../automation/system-events.ts'
import { defaultAgentId } from '../config/agent-entries.ts'
import type { Environment } from '../config/environment.ts'
import type { LiveConfig } from '../config/live-config.ts'
import type { Paths } from '../config/paths.ts'
import type { EventBus } from '../events/bus.ts'
import type { CrashLoop } from '../host/crash-loop.ts'
import { systemClock, type Clock } from '../lib/clock.ts'
import type { Logging } from '../log/logger.ts'
import type { Store } from '../store/store.ts'
import type { AutomationPort, WakeRequest } from '../tools/automation/port.ts'
import type { LateChannels } from './channels.ts'
import type { Conversation } from './conversation.ts'

export interface AutomationParts {
  readonly live: LiveConfig
  readonly paths: Pick<Paths, 'homeDir' | 'stateDir' | 'workspaceDir'>
  readonly env: Environment
  readonly store: Store
  readonly events: EventBus
  readonly logging: Logging
  readonly now: () => number
  readonly bootId: string
  readonly conversation: Pick<Conversation, 'runs' | 'sessions' | 'tools' | 'outbound'>
  readonly channels: LateChannels
  readonly crashLoop?: CrashLoop | undefined
}

export interface Automation extends AutomationRoom {
  /** After what an earlier process left was taken up. */
  begin (): Promise<void>
  close (): Promise<void>
}

/** A machine that slept is noticed within this. */
const longestWaitMs = 300_000

/** Once, unless it fails: then whoever asks next tries again. */
function lazily<Room> (load: () => Promise<Room>): { (): Promise<Room>, current (): Promise<Room> | undefined } {
  let loading: Promise<Room> | undefined
  const get = (): Promise<Room> => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined
      throw error
    })
    return loading
  }
  return Object.assign(get, { current: () => loading })
}

function sourcesOf (parts: AutomationParts, clock: Clock): AutomationSources {
  const { live, paths, env, store, events, logging, bootId, conversation: { runs, sessions, tools, outbound }, channels } = parts
  return {
    config: live.current,
    env,
    store,
    clock,
    runs,
    sessions,
    tools,
    outbound,
    channels,
    emit: (event, payload, options) => events.emit(event, payload, options),
    workspaceOf: agentId => workspaceOf(live.current().config, agentId, paths),
    processId: bootId,
    log: logging.child('automation')
  }
}

export function composeAutomation (parts: AutomationParts): Automation {
  const { live, env, store, now, conversation: { runs, sessions } } = parts
  const clock: Clock = { now, after: systemClock.after }
  const sources = sourcesOf(parts, clock)
  const { log } = sources
  let hasBegun = false
  let isClosed = false
  let cancel: (() => void) | undefined

  const wasBegun = async ({ principal, via, key }: TellingRun): Promise<boolean> =>
    await runs.find({ caller: { principal }, via, idempotencyKey: key }) !== undefined

  const systemEvents = lazily(async () => (await import('../automation/system-events.ts')).createSystemEvents({ store, now, wasBegun }))
  const places = lazily(async (): Promise<Places> => {
    const { createPlaces } = await import('../automation/places.ts')
    // Where somebody was heard of last stands in the rows.
    await sessions.ready
    return createPlaces(sources)
  })

  const heartbeats = lazily(async () => {
    const [{ createHeartbeats }, { createTurns }, waiting, where] = await Promise.all([
      import('../automation/heartbeat/heartbeats.ts'), import('../automation/turns.ts'), systemEvents(), places()
    ])
    const turns = createTurns({ ...sources, systemEvents: waiting, places: where })
    const room = createHeartbeats({ ...sources, systemEvents: waiting, places: where, turns })
    await room.open()
    return room
  })

  const cron = lazily(async () => {
    const [{ createCron }, waiting, where] = await Promise.all([import('../automation/cron/cron.ts'), systemEvents(), places()])
    const room = createCron({ ...sources, systemEvents: waiting, places: where, heartbeats })
    if (hasBegun) await room.begin()
    return room
  })

  const isScheduled = (): boolean => live.current().config.cron.enabled && env['OPENCLAW_SKIP_CRON'] !== '1'

  /** Nothing is loaded for a beat before its time has come. */
  async function arm (): Promise<void> {
    cancel?.()
    cancel = undefined
    if (!hasBegun || isClosed || !isScheduled()) return
    const room = await heartbeats.current()
    const nowMs = now()
    const beats = heartbeatsOf(live.current().config).map(one => nextBeat(one, nowMs)).filter(at => at !== undefined)
    const nextMs = room ? room.nextAt(nowMs) : beats.length === 0 ? undefined : Math.min(...beats)
    if (nextMs === undefined || isClosed) return
    cancel = clock.after(Math.min(Math.max(0, nextMs - nowMs), longestWaitMs), () => {
      beat(nextMs).catch((err: unknown) => log.warn({ err }, 'heartbeats could not be looked after'))
    })
  }

  async function beat (atMs: number): Promise<void> {
    if (now() >= atMs && !isClosed) (await heartbeats()).tick(now(), atMs)
    await arm()
  }

  async function wake ({ mode, text, agentId, sessionKey, isOwner, key = randomUUID() }: WakeRequest): ReturnType<AutomationPort['wake']> {
    await sessions.ready
    const target = sessions.target(sessionKey ?? 'main', agentId ?? (sessionKey === undefined ? defaultAgentId(live.current().config) : undefined))
    // Nobody beats in other conversations: what waited there would wait for ever.
    const isMain = target.key === `agent:${target.agentId}:main`
    if (mode === 'next-heartbeat' && isMain) {
      await (await systemEvents()).add(target.key, text)
      return { ok: true, mode }
    }
    const room = await heartbeats()
    const { runId, end } = await room.wake({
      id: `wake:${key}`, via: 'wake', agentId: target.agentId, sessionKey: target.key, text, isOwners: isOwner
    })
    end.catch((err: unknown) => log.warn({ err, runId }, 'a wake failed'))
    return { ok: true, mode, runId }
  }

  async function follow (): Promise<void> {
    if (!hasBegun || isClosed) return
    const room = await cron.current()
    room?.wakeUp()
    await arm()
  }
  live.onChange(() => { follow().catch((err: unknown) => log.warn({ err }, 'what happens by itself could not follow the configuration')) })

  async function begin (): Promise<void> {
    hasBegun = true
    const [jobs, turns] = await Promise.all([store.collection('cron-jobs').all(), store.collection('automation-turns').all()])
    if (isClosed) return
    if (turns.length > 0) await heartbeats()
    if (cron.current()) await (await cron()).begin()
    else if (jobs.length > 0) await cron()
    await arm()
  }

  return {
    cron,
    systemEvents,
    places,
    wake,
    isScheduled,
    processId: parts.bootId,
    async jobs () {
      const known = cron.current()
      if (known) return await known
      const [jobs, runs] = await Promise.all([store.collection('cron-jobs').all(), store.collection('cron-runs').all()])
      return jobs.length + runs.length === 0 ? undefined : await cron()
    },
    lastHeartbeat: async () => (await heartbeats.current())?.last() ?? null,
    async enableHeartbeats (isEnabled) {
      await (await heartbeats()).enable(isEnabled)
      await arm()
    },
    beating: () => heartbeatsOf(live.current().config).map(({ agentId, every, everyMs, prompt, target, ackMaxChars }) => {
      const enabled = everyMs > 0 && isScheduled()
      return { agentId, enabled, every: enabled ? every : 'disabled', everyMs: enabled ? everyMs : null, prompt, target, ackMaxChars }
    }),
    async begin () {
      if (parts.crashLoop?.facts()) {
        parts.crashLoop.onLift(() => { begin().catch((err: unknown) => log.warn({ err }, 'what happens by itself could not begin')) })
        return
      }
      await begin()
    },
    async close () {
      isClosed = true
      cancel?.()
      const room = await cron.current()?.catch(() => undefined)
      await room?.close()
    }
  }
}
