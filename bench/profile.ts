/** What a gateway puts on the wire, so that the ceiling can put exactly as much. */
import { readFileSync } from 'node:fs'
import type { Trigger } from './load/job.ts'

type Json = Record<string, unknown>

export interface HttpAnswer {
  readonly status: number
  readonly body: string
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
}

/** An event that every gateway of this protocol sends to every operator: somebody's presence has changed. */
export const presenceTrigger: Trigger = {
  method: 'system-event',
  params: '{"text":"Node: bench · mode bench · reason {n}","instanceId":"bench","host":"bench","mode":"bench","reason":"{n}"}',
  event: 'presence'
}

/** A harmless tool that exists wherever `/tools/invoke` does. */
export const toolsInvokeBody = '{"tool":"agents_list","args":{}}'

export const readProfile = (path: string): Profile => JSON.parse(readFileSync(path, 'utf8')) as Profile

const repeat = (count: number, name: string): string[] => Array.from({ length: count }, (_, index) => `${name}.${index}`)

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
  toolsInvoke: { status: 200, body: JSON.stringify({ ok: true, result: { content: [], details: { agents: [] } } }) }
}
