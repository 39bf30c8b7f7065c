/** What a load process can be asked to do. Plain data both ways. */
import type { Latencies } from '../statistics.ts'
import type { DeviceIdentity, Secret } from '../wire/identity.ts'
import type { Endpoint } from '../wire/socket.ts'
import type { HttpRequest } from '../wire/http.ts'

interface ToGateway {
  readonly endpoint: Endpoint
  readonly secret: Secret
  /** Used in turn. */
  readonly identities: readonly DeviceIdentity[]
}

export interface ConnectsJob extends ToGateway {
  readonly kind: 'connects'
  readonly concurrency: number
  readonly durationMs: number
  /** Ends the job early; a burst is a job whose count is its concurrency. */
  readonly maxCount?: number
  /** Sends each device's own token in place of the shared secret. */
  readonly useDeviceToken?: boolean
  /** Pretends to come through a proxy from this address. */
  readonly forwardedFor?: string
  /** Between two connects of a lane. */
  readonly pauseMs?: number
}

export interface RpcJob extends ToGateway {
  readonly kind: 'rpc'
  readonly connections: number
  readonly depth: number
  readonly durationMs: number
  /** Ends the job early. */
  readonly maxCount?: number
  readonly method: string
  readonly params?: object
  /** Waits this long after each answer. */
  readonly pauseMs?: number
  /** Between connecting and the first call. */
  readonly delayMs?: number
}

export interface HttpJob {
  readonly kind: 'http'
  readonly endpoint: Endpoint
  readonly connections: number
  readonly durationMs: number
  /** Ends the job early. */
  readonly maxCount?: number
  readonly request: HttpRequest
}

/** Connects and stays; the connections live as long as the load process. */
export interface HoldJob extends ToGateway {
  readonly kind: 'hold'
  readonly count: number
  readonly concurrency: number
}

export interface FanoutJob extends ToGateway {
  readonly kind: 'fanout'
  readonly subscribers: number
  readonly durationMs: number
  readonly trigger: Trigger
  /** Between two shots; without it the next shot follows as soon as the last subscriber has the event. */
  readonly everyMs?: number
}

/** Something that makes the gateway send one event to every subscriber. `{n}` in the parameters becomes the number of the shot. */
export interface Trigger {
  readonly method: string
  readonly params: string
  readonly event: string
}

export interface GuessersJob {
  readonly kind: 'guessers'
  readonly endpoint: Endpoint
  readonly guessers: number
  readonly durationMs: number
  /** Every other guesser comes from this address, the rest from loopback. */
  readonly forwardedFor?: string
}

/** Messages to the agent: a lane sends one, waits for its end and sends the next. */
export interface TurnsJob extends ToGateway {
  readonly kind: 'turns'
  readonly method: 'chat.send' | 'agent'
  readonly connections: number
  /** Lanes, shared out over the connections. Each has a session of its own. */
  readonly concurrency: number
  readonly durationMs: number
  /** Ends the job early. */
  readonly maxCount?: number
  /** Then the lane goes on in its next session. */
  readonly turnsPerSession: number
  /** Sessions of one lane; afterwards it begins with its first again. */
  readonly sessionsPerLane?: number
  /** Part of every run id: no two jobs of one gateway have the same. */
  readonly name: string
  /** Part of every session key; without it the name, so that each job has sessions of its own. */
  readonly sessionName?: string
  /** What the latency is: until the run has ended, or until its first word. */
  readonly until: 'end' | 'first-word'
}

/** Turns in one session that everybody follows; what is counted is events that arrived anywhere. */
export interface DeliveryJob extends ToGateway {
  readonly kind: 'delivery'
  readonly subscribers: number
  readonly durationMs: number
  readonly everyMs?: number
}

export type Job = ConnectsJob | RpcJob | HttpJob | HoldJob | FanoutJob | GuessersJob | TurnsJob | DeliveryJob

export interface JobResult {
  /** Operations that succeeded inside the window. */
  readonly count: number
  readonly elapsedMs: number
  /** CPU time of the load process inside the window: shows whether the load or the gateway was the limit. */
  readonly loadCpuMs: number
  readonly latencies: Latencies
  /** Reasons of what failed, with how often. */
  readonly failures: { readonly [reason: string]: number }
}

export type ToLoad = { readonly job: Job }
export type FromLoad = { readonly began: true } | { readonly result: JobResult } | { readonly error: string }
