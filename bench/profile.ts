/** What a gateway puts on the wire, so that the ceiling can put exactly as much. */
import { readFileSync } from 'node:fs'
import type { Trigger } from './load/job.ts'

type Json = Record<string, unknown>

export interface HttpAnswer {
  readonly status: number
  readonly body: string
}

/** An event without its `seq` that speaks of a run. */
export interface TurnEvent extends Json {
  readonly event: string
  readonly payload: Json
}

/** The events of one turn, in the order in which a client that subscribed to nothing gets them. */
export interface TurnFrames {
  /** Before the model has said anything. */
  readonly before: readonly TurnEvent[]
  /** From the first word to the last. */
  readonly streamed: readonly TurnEvent[]
  /** From the moment the reply is kept. */
  readonly after: readonly TurnEvent[]
}

export interface Profile {
  /** Payload of hello-ok. */
  readonly hello: Json
  /** Payload of the answer to `health`. */
  readonly health: Json
  /** The whole fan-out event without its `seq`. */
  readonly event: Json
  readonly httpHealth: HttpAnswer
  /** Absent when the gateway has no such route yet. */
  readonly toolsInvoke?: HttpAnswer
  /** Both absent where the target cannot be given a model. */
  readonly turn?: TurnFrames
  /** Payload of the answer to `sessions.list` with a hundred sessions. */
  readonly sessions?: Json
}

/** An event that every gateway of this protocol sends to every operator: somebody's presence has changed. */
export const presenceTrigger: Trigger = {
  method: 'system-event',
  params: '{"text":"Node: bench · mode bench · reason {n}","instanceId":"bench","host":"bench","mode":"bench","reason":"{n}"}',
  event: 'presence'
}

/** A harmless tool that exists wherever `/tools/invoke` does. */
export const toolsInvokeBody = '{"tool":"session_status","args":{}}'

export const readProfile = (path: string): Profile => JSON.parse(readFileSync(path, 'utf8')) as Profile

const repeat = (count: number, name: string): string[] => Array.from({ length: count }, (_, index) => `${name}.${index}`)

const turnEvent = (event: string, payload: Json): TurnEvent =>
  ({ type: 'event', event, payload: { runId: '', sessionKey: 'agent:main:bench', agentId: 'main', ...payload } })

/** The counts of today's gateway: four phases told twice, a few more steps, a word or two, the end. */
const defaultTurn: TurnFrames = {
  before: ['preparing_workspace', 'preparing_context', 'starting_model'].flatMap(phase => [
    turnEvent('chat', { seq: 1, state: 'status', phase }), turnEvent('agent', { seq: 1, stream: 'run_status', data: { phase }, ts: 0 })
  ]),
  streamed: [
    turnEvent('agent', { seq: 2, stream: 'assistant', data: { text: 'x'.repeat(50), delta: 'x'.repeat(50) }, ts: 0 }),
    turnEvent('chat', { seq: 2, state: 'delta', deltaText: 'x'.repeat(50), message: { role: 'assistant', content: [{ type: 'text', text: 'x'.repeat(50) }], timestamp: 0 } })
  ],
  after: [
    turnEvent('agent', { seq: 3, stream: 'lifecycle', data: { phase: 'end', startedAt: 0, endedAt: 0 }, ts: 0 }),
    turnEvent('chat', { seq: 3, state: 'final', message: { role: 'assistant', content: [{ type: 'text', text: 'x'.repeat(50) }], timestamp: 0 } })
  ]
}

/** For a ceiling on its own: the sizes of today's gateway (hello-ok about 15.7 KB, health about 1.4 KB, presence about 0.6 KB). */
export const defaultProfile: Profile = {
  hello: {
    type: 'hello-ok',
    protocol: 4,
    server: { version: '0', connId: '' },
    features: { methods: repeat(466, 'namespace.method-name'), events: repeat(64, 'area.event-name') },
    snapshot: { presence: [], text: 'x'.repeat(1200) },
    auth: { method: 'token', role: 'operator', scopes: [], deviceToken: '' },
    policy: { maxPayload: 26_214_400, maxBufferedBytes: 52_428_800, tickIntervalMs: 30_000 }
  },
  health: { ok: true, text: 'x'.repeat(1350) },
  event: { type: 'event', event: 'presence', payload: { presence: [{ text: 'x'.repeat(500) }] }, stateVersion: { presence: 1, health: 1 } },
  httpHealth: { status: 200, body: '{"ok":true,"status":"live"}' },
  turn: defaultTurn,
  sessions: { ts: 0, count: 100, totalCount: 100, sessions: Array.from({ length: 100 }, (_, index) => ({ key: `agent:main:bench-${index}`, text: 'x'.repeat(1400) })) },
  toolsInvoke: { status: 200, body: JSON.stringify({ ok: true, result: { content: [], details: { agents: [] } } }) }
}
