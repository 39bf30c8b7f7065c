/** Agents look around by themselves now and then, and at once when somebody wakes them. */
import type { Runs } from '../../agent/room.ts'
import type { Places, Wanted } from '../places.ts'
import type { AutomationSources } from '../ports.ts'
import { wordsOf, type SystemEvents, type WaitingText } from '../system-events.ts'
import type { TurnEnd, TurnRoute, Turns } from '../turns.ts'
import { hasWork } from './checklist.ts'
import { heartbeatsOf, isActive, nextBeat, type Heartbeat } from './settings.ts'

export interface HeartbeatEvent {
  readonly ts: number
  readonly status: 'sent' | 'ok-empty' | 'ok-token' | 'skipped' | 'failed'
  readonly agentId: string
  readonly reason?: string
  readonly message?: string
  readonly preview?: string
  readonly durationMs?: number
  readonly channel?: string
  readonly to?: string
  readonly accountId?: string
  readonly silent?: boolean
  readonly indicatorType?: 'ok' | 'alert' | 'error'
}

export interface WakeOrder {
  /** Names the wake: the same one has its effect once. */
  readonly id: string
  readonly via: 'cron' | 'wake'
  readonly agentId: string
  readonly sessionKey: string
  readonly text: string
  readonly isOwners: boolean
}

export interface Heartbeats {
  /** When the next one comes by itself; undefined: none does. */
  nextAt (nowMs: number): number | undefined
  /** Whatever is due by now; `sinceMs` is the moment that was waited for. */
  tick (nowMs: number, sinceMs: number): void
  /** Begins a turn at once, with everything that waits; resolves when it is durable. */
  wake (order: WakeOrder): Promise<{ readonly runId: string, readonly end: Promise<TurnEnd | undefined> }>
  last (): HeartbeatEvent | null
  isEnabled (): boolean
  enable (isEnabled: boolean): Promise<void>
  /** What an earlier process left. */
  open (): Promise<void>
}

export type HeartbeatOptions = Pick<AutomationSources, 'config' | 'clock' | 'store' | 'emit' | 'log' | 'workspaceOf' | 'sessions'> & {
  readonly runs: Pick<Runs, 'active' | 'pending'>
  readonly systemEvents: SystemEvents
  readonly places: Places
  readonly turns: Turns
}

/** A busy agent is asked again after this, until its next beat comes. */
const busyRetryMs = 60_000
/** However beats come about, no agent takes more turns. */
const leastApartMs = 30_000
const previewChars = 200

const asSystemLines = (waiting: readonly WaitingText[]): string[] =>
  waiting.map(entry => `System: [${new Date(entry.atMs).toISOString().slice(0, 16).replace('T', ' ')} UTC] ${wordsOf(entry)}`)

const reasons: { readonly [reason: string]: string } = {
  'no-route': 'There is nowhere to say what it finds: set agents.defaults.heartbeat.target, or commands.ownerAllowFrom.',
  'target-none': 'Its target is "none": what it says stays in its conversation.'
}

/** Two settings at most decide what people hear: those of the channel over those of all. */
function visibilityOf (config: ReturnType<AutomationSources['config']>['config'], channel: string | undefined): { showOk: boolean, showAlerts: boolean } {
  const { heartbeatVisibility } = config.channels.defaults
  const section = channel === undefined ? undefined : (config.channels as { readonly [id: string]: unknown })[channel]
  const own = (section as { heartbeatVisibility?: object } | undefined)?.heartbeatVisibility
  return { ...heartbeatVisibility, ...own }
}

class HeartbeatRoom implements Heartbeats {
  readonly #options: HeartbeatOptions
  /** The beat that each agent waits for. */
  readonly #due = new Map<string, { readonly everyMs: number, atMs: number }>()
  readonly #begunAt = new Map<string, number>()
  #last: HeartbeatEvent | null = null
  #isEnabled = true

  constructor (options: HeartbeatOptions) {
    this.#options = options
  }

  async open (): Promise<void> {
    const { store, turns } = this.#options
    const stored = await store.collection<{ readonly enabled?: boolean }>('gateway').get('heartbeats')
    this.#isEnabled = stored?.enabled !== false
    await turns.adopt((via, end) => {
      const heartbeat = via === 'heartbeat' ? this.#all().find(({ agentId }) => agentId === end.result.agentId) : undefined
      if (heartbeat) this.#tellEnd(heartbeat, 'interval', end)
    })
  }

  last (): HeartbeatEvent | null {
    return this.#last
  }

  isEnabled (): boolean {
    return this.#isEnabled
  }

  async enable (isEnabled: boolean): Promise<void> {
    await this.#options.store.collection('gateway').put('heartbeats', { enabled: isEnabled })
    this.#isEnabled = isEnabled
  }

  nextAt (nowMs: number): number | undefined {
    if (!this.#isEnabled) return undefined
    const times = this.#all().map(heartbeat => this.#dueAt(heartbeat, nowMs)).filter(at => at !== undefined)
    return times.length === 0 ? undefined : Math.min(...times)
  }

  tick (nowMs: number, sinceMs: number): void {
    if (!this.#isEnabled) return
    for (const heartbeat of this.#all()) {
      const dueAt = this.#dueAt(heartbeat, nowMs, sinceMs - 1)
      if (dueAt === undefined || dueAt > nowMs) continue
      // However many were missed while nothing ran, one is enough.
      this.#due.set(heartbeat.agentId, { everyMs: heartbeat.everyMs, atMs: nextBeat(heartbeat, nowMs)! })
      this.#beat(heartbeat, dueAt).catch((err: unknown) => {
        this.#options.log.warn({ err, agentId: heartbeat.agentId }, 'a heartbeat failed')
        this.#tell(heartbeat, { status: 'failed', reason: err instanceof Error ? err.message : String(err), indicatorType: 'error' })
      })
    }
  }

  async wake ({ id, via, agentId, sessionKey, text, isOwners }: WakeOrder): ReturnType<Heartbeats['wake']> {
    const { clock, turns, config, places } = this.#options
    const atMs = clock.now()
    const heartbeat = this.#all().find(one => one.agentId === agentId)
    const found = places.wantedOf({}, sessionKey)
    const route: TurnRoute = {
      ackMaxChars: heartbeat?.ackMaxChars ?? config().config.agents.defaults.heartbeat.ackMaxChars,
      ...('wanted' in found ? { wanted: found.wanted } : {})
    }
    this.#begunAt.set(agentId, atMs)
    return await turns.begin({
      id,
      via,
      agentId,
      sessionKey,
      isOwners,
      lane: 'cron-nested',
      route,
      message: waiting => [...waiting.map(wordsOf), text].join('\n')
    })
  }

  #all (): Heartbeat[] {
    return heartbeatsOf(this.#options.config().config)
  }

  #dueAt (heartbeat: Heartbeat, nowMs: number, sinceMs = nowMs): number | undefined {
    const { agentId, everyMs } = heartbeat
    const known = this.#due.get(agentId)
    // A clock that was set back by more than an interval was wrong before.
    if (known?.everyMs === everyMs && known.atMs - nowMs <= everyMs) return known.atMs
    const atMs = nextBeat(heartbeat, sinceMs)
    if (atMs === undefined) this.#due.delete(agentId)
    else this.#due.set(agentId, { everyMs, atMs })
    return atMs
  }

  /** Why it does not beat now; undefined: it does. */
  async #obstacle (heartbeat: Heartbeat, nowMs: number): Promise<{ readonly reason: string, readonly retry?: true } | undefined> {
    const { config, runs, systemEvents, workspaceOf, sessions } = this.#options
    if (!isActive(heartbeat, config().config, nowMs)) return { reason: 'quiet-hours' }
    const { agentId, sessionKey } = heartbeat
    const isBusy = runs.active().some(run => run.sessionKey.startsWith(`agent:${agentId}:`)) || runs.pending(sessionKey).length > 0
    if (isBusy) return { reason: 'requests-in-flight', retry: true }
    const lateMs = nowMs - (this.#begunAt.get(agentId) ?? -Infinity)
    if (lateMs >= 0 && lateMs < leastApartMs) return { reason: 'too-soon', retry: true }
    await sessions.ready
    if (await systemEvents.has(sessionKey)) return undefined
    if (heartbeat.target !== 'none' && !this.#wanted(heartbeat)) return { reason: 'no-route' }
    return await hasWork(workspaceOf(agentId)) ? undefined : { reason: 'empty-heartbeat-file' }
  }

  #wanted ({ target, to, accountId, sessionKey }: Heartbeat): Wanted | undefined {
    const { places } = this.#options
    if (target === 'none') return undefined
    if (target === 'owner') return places.owner()
    const found = places.wantedOf({
      channel: target, ...(to === undefined ? {} : { to }), ...(accountId === undefined ? {} : { accountId })
    }, sessionKey)
    return 'wanted' in found ? found.wanted : undefined
  }

  async #beat (heartbeat: Heartbeat, slotMs: number): Promise<void> {
    const { clock, config, turns } = this.#options
    const nowMs = clock.now()
    const { agentId, sessionKey, model, prompt, ackMaxChars, timeoutMs } = heartbeat
    const obstacle = await this.#obstacle(heartbeat, nowMs)
    if (obstacle) {
      const due = this.#due.get(agentId)
      if (obstacle.retry && due) due.atMs = Math.min(due.atMs, nowMs + busyRetryMs)
      return this.#tell(heartbeat, { status: 'skipped', reason: obstacle.reason })
    }
    const wanted = this.#wanted(heartbeat)
    const { showAlerts } = visibilityOf(config().config, wanted?.channel)
    this.#begunAt.set(agentId, nowMs)
    const { end } = await turns.begin({
      id: `heartbeat:${agentId}:${slotMs}`,
      via: 'heartbeat',
      agentId,
      sessionKey,
      isOwners: true,
      lane: 'cron-nested',
      timeoutMs,
      ...(model === undefined ? {} : { model }),
      route: { ackMaxChars, ...(wanted ? { wanted } : {}), ...(showAlerts ? {} : { mute: 'alerts-disabled' }) },
      message: waiting => [prompt, ...asSystemLines(waiting)].join('\n')
    })
    const ended = await end
    if (ended) this.#tellEnd(heartbeat, 'interval', ended)
  }

  #tellEnd (heartbeat: Heartbeat, reason: string, { result, text, isAcknowledgement, sent }: TurnEnd): void {
    const { startedAtMs = result.endedAtMs, endedAtMs, outcome, error } = result
    const wanted = this.#wanted(heartbeat)
    const where = wanted ? { channel: wanted.channel, to: wanted.to, ...(wanted.accountId ? { accountId: wanted.accountId } : {}) } : {}
    const common = { durationMs: endedAtMs - startedAtMs, ...(text === '' ? {} : { preview: text.slice(0, previewChars) }) }
    if (outcome !== 'ok') return this.#tell(heartbeat, { ...common, status: 'failed', reason: error?.message ?? outcome, indicatorType: 'error' })
    if (text === '') {
      return this.#tell(heartbeat, { ...common, ...where, status: isAcknowledgement ? 'ok-token' : 'ok-empty', reason, silent: true, indicatorType: 'ok' })
    }
    if (sent.status === 'not-requested') {
      return this.#tell(heartbeat, { ...common, status: 'skipped', reason: sent.error ?? (heartbeat.target === 'none' ? 'target-none' : 'no-route') })
    }
    if (sent.status === 'not-delivered') return this.#tell(heartbeat, { ...common, ...where, status: 'failed', reason: sent.error, indicatorType: 'error' })
    this.#tell(heartbeat, { ...common, ...where, status: 'sent', indicatorType: 'alert' })
  }

  #tell ({ agentId }: Heartbeat, event: { [field in keyof HeartbeatEvent]?: HeartbeatEvent[field] | undefined }): void {
    const { clock, emit } = this.#options
    const message = event.reason === undefined ? undefined : reasons[event.reason]
    const fields = Object.fromEntries(Object.entries(event).filter(([, value]) => value !== undefined))
    this.#last = { ts: clock.now(), agentId, ...fields, ...(message ? { message } : {}) } as unknown as HeartbeatEvent
    // Everybody who is connected hears of it; what was said is for those who may read.
    const { preview: _preview, to: _to, ...shown } = this.#last
    emit('heartbeat', shown)
  }
}

export const createHeartbeats = (options: HeartbeatOptions): Heartbeats => new HeartbeatRoom(options)
