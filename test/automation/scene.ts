/** Automation over a real store and real rooms for what waits, with agents that answer as a test says and a clock that it turns. */
import { createMemoryStore } from '../../src/store/memory/memory-store.ts'
import type { Store } from '../../src/store/store.ts'
import type { RunRequest, RunResult } from '../../src/agent/room.ts'
import { createCron } from '../../src/automation/cron/cron.ts'
import type { Cron } from '../../src/automation/cron/room.ts'
import { createHeartbeats } from '../../src/automation/heartbeat/heartbeats.ts'
import { createPlaces } from '../../src/automation/places.ts'
import type { AutomationSources } from '../../src/automation/ports.ts'
import { createSystemEvents } from '../../src/automation/system-events.ts'
import { createTurns } from '../../src/automation/turns.ts'
import { loadConfig } from '../../src/config/load.ts'
import { resolvePaths } from '../../src/config/paths.ts'
import { GatewayError } from '../../src/protocol/errors.ts'
import type { Tool } from '../../src/tools/tool.ts'
import { createSimulatedClock, type SimulatedClock } from '../fixtures/simulated-clock.ts'

export type Reply = Partial<Pick<RunResult, 'outcome' | 'text' | 'error' | 'stopReason'>>

export interface SceneOptions {
  readonly clock?: SimulatedClock
  readonly store?: Store
  readonly config?: object
  /** What an agent answers, and when; absent: "done", at once. */
  readonly reply?: (request: RunRequest) => Promise<Reply> | Reply
  /** Runs that an earlier gateway accepted. */
  readonly accepted?: Accepted
  readonly startAt?: string
  /** The tool for commands; absent: agents may run none. */
  readonly exec?: Pick<Tool, 'name' | 'run'>
  /** When what was handed to a channel has arrived; absent: at once. */
  readonly arrives?: () => Promise<void>
}

export type Accepted = Map<string, { readonly request: RunRequest, readonly result: Promise<RunResult> }>

const quiet = { level: 'silent', info () {}, warn () {}, error () {}, debug () {}, trace () {}, fatal () {} } as unknown as AutomationSources['log']

/** The acceptance of the agent room: one run for each claim. */
function runsOf ({ accepted, clock, reply = () => ({}) }: Required<Pick<SceneOptions, 'accepted' | 'clock'>> & Pick<SceneOptions, 'reply'>) {
  const requests: Array<RunRequest & { readonly atMs: number }> = []
  const active = new Map<string, string>()
  const claim = ({ caller, via, idempotencyKey }: Pick<RunRequest, 'caller' | 'via' | 'idempotencyKey'>): string =>
    JSON.stringify([caller.principal, via, idempotencyKey])
  async function carryOut (request: RunRequest): Promise<RunResult> {
    const { idempotencyKey: runId, sessionKey = '', agentId = 'main' } = request
    active.set(runId, sessionKey)
    const answered = await reply(request)
    active.delete(runId)
    return { runId, sessionKey, agentId, sessionId: 's', outcome: 'ok', text: 'done', endedAtMs: clock.now(), ...answered }
  }
  const handle = (key: string) => ({ runId: key, sessionKey: '', agentId: 'main', sessionId: 's', acceptedAtMs: 0 })
  const runs: AutomationSources['runs'] = {
    async start (request) {
      const known = accepted.get(claim(request))
      if (known) return { ...handle(request.idempotencyKey), status: 'in_flight', result: known.result }
      requests.push({ ...request, atMs: clock.now() })
      const result = carryOut(request)
      accepted.set(claim(request), { request, result })
      return { ...handle(request.idempotencyKey), status: 'started', result }
    },
    async find (request) {
      const known = accepted.get(claim(request))
      return known && { ...handle(request.idempotencyKey), state: 'running', about: {}, result: known.result }
    },
    async abort () { return { runIds: [] } },
    active: sessionKey => [...active].filter(([, key]) => sessionKey === undefined || key === sessionKey)
      .map(([runId, key]) => ({ runId, sessionKey: key, startedAtMs: 0, text: '' })),
    pending: () => []
  }
  return { runs, requests }
}

export interface Scene {
  readonly clock: SimulatedClock
  readonly store: Store
  readonly cron: Cron
  readonly heartbeats: ReturnType<typeof createHeartbeats>
  readonly systemEvents: ReturnType<typeof createSystemEvents>
  readonly accepted: Accepted
  /** What agents were asked, with the moment. */
  readonly requests: ReadonlyArray<RunRequest & { readonly atMs: number }>
  readonly events: Array<{ readonly event: string, readonly payload: { readonly [field: string]: any } }>
  /** What was handed to channels. */
  readonly sent: Array<{ readonly id: string, readonly chatId: string, readonly text: string }>
  readonly workspace: { directory: string }
}

/** `lastTo` of the main conversation is where "last" leads. */
export async function createScene (options: SceneOptions = {}): Promise<Scene> {
  const { config = {}, startAt, reply, accepted = new Map(), arrives = async () => {} } = options
  const clock = options.clock ?? createSimulatedClock(startAt === undefined ? undefined : Date.parse(startAt))
  const store = options.store ?? createMemoryStore()
  const env = { HOME: '/nowhere', OPENCLAW_STATE_DIR: '/nowhere' }
  const loaded = await loadConfig({ paths: resolvePaths({ env }), env, text: JSON.stringify({ gateway: { mode: 'local' }, ...config }) })
  const { runs, requests } = runsOf({ accepted, clock, ...(reply ? { reply } : {}) })
  const events: Scene['events'] = []
  const sent: Scene['sent'] = []
  const workspace = { directory: '/nowhere' }
  const sessions = {
    ready: Promise.resolve(),
    get: (key: string) => key === 'agent:main:main' ? { lastChannel: 'telegram', lastTo: '42' } : undefined,
    target (name = 'main', agentId = 'main') {
      if (agentId === 'gone') throw new GatewayError('AGENT_UNKNOWN', { message: 'unknown agent id "gone"' })
      return { key: name.startsWith('agent:') ? name : `agent:${agentId}:${name}`, agentId, name }
    },
    lines: { tail: async () => [] }
  } as unknown as AutomationSources['sessions']
  const account = { entry: { channel: 'telegram', accountId: 'default' }, channel: { id: 'telegram' } }
  const channels = async () => ({
    channels: { find: () => account },
    delivery: {
      prepare: (item: Scene['sent'][number]) => ({ ops: [], committed () { if (!sent.some(({ id }) => id === item.id)) sent.push(item) } }),
      async settled () {
        await arrives()
        return { messageIds: ['1'] }
      }
    }
  }) as unknown as ReturnType<AutomationSources['channels']>
  const sources: AutomationSources = {
    config: () => loaded,
    env: {},
    store,
    clock,
    runs,
    sessions,
    tools: { forRun: () => options.exec ? [options.exec as Tool] : [] },
    emit: (event, payload) => { events.push({ event, payload: payload as Scene['events'][number]['payload'] }) },
    outbound: { request: async () => { throw new Error('no network here') } },
    channels,
    workspaceOf: () => workspace.directory,
    processId: 'this',
    log: quiet
  }
  const systemEvents = createSystemEvents({
    store,
    now: clock.now,
    wasBegun: async ({ principal, via, key }) => await runs.find({ caller: { principal }, via, idempotencyKey: key }) !== undefined
  })
  const places = createPlaces(sources)
  const turns = createTurns({ ...sources, systemEvents, places })
  const heartbeats = createHeartbeats({ ...sources, systemEvents, places, turns })
  const cron = createCron({ ...sources, systemEvents, places, heartbeats: async () => heartbeats })
  return { clock, store, cron, heartbeats, systemEvents, accepted, requests, events, sent, workspace }
}

/** A store whose gateway can be killed: from then on nothing that it does is written, and nothing that it asks is answered. */
export function mortal (): { readonly store: Store, readonly kept: Store, kill (): void } {
  const kept = createMemoryStore()
  let isDead = false
  const never = new Promise<never>(() => {})
  const through = <Work extends (...args: never[]) => Promise<unknown>>(work: Work): Work =>
    ((...args: never[]) => isDead ? never : work(...args).then(result => isDead ? never : result)) as Work
  const store: Store = {
    ...kept,
    commit: through(ops => kept.commit(ops)),
    collection (name) {
      const collection = kept.collection(name)
      return {
        all: through(() => collection.all()),
        get: through(key => collection.get(key)),
        put: through((key, value) => collection.put(key, value)),
        delete: through(key => collection.delete(key))
      } as ReturnType<Store['collection']>
    }
  } as Store
  return { store, kept, kill () { isDead = true } }
}

export const owner = { isOwner: true }
export const turnJob = (schedule: object, more: object = {}): { [field: string]: unknown } =>
  ({ name: 'job', schedule, sessionTarget: 'isolated', wakeMode: 'now', payload: { kind: 'agentTurn', message: 'work' }, ...more })

export const slotsOf = ({ requests }: Pick<Scene, 'requests'>): string[] =>
  requests.map(({ idempotencyKey }) => new Date(Number(idempotencyKey.split(':')[2])).toISOString().slice(0, 19))

export const hourMs = 3_600_000
