import type { Terminal } from './define-channel.ts'

export type Lifecycle = 'stopped' | 'starting' | 'ready' | 'recovering' | 'blocked' | 'failed'

export type RestartReason = 'stale-socket' | 'ingress-unavailable' | 'stopped' | 'gave-up' | 'disconnected' | 'stuck' | 'crashed' | 'start-failed' | 'start-timeout'

/** What is known of one account of one channel. */
export interface AccountFacts {
  readonly channel: string
  readonly accountId: string
  readonly enabled: boolean
  readonly configured: boolean
  lifecycle: Lifecycle
  running: boolean
  /** Absent until the channel has said so once; webhooks never do. */
  connected?: boolean
  terminal?: Terminal
  /** The service says that it cannot call us. */
  ingressUnavailable?: boolean
  manuallyStopped: boolean
  /** It was not begun by itself, because the gateway has ended without a word again and again. */
  isHeldBack?: boolean
  restartPending: boolean
  /** It was begun anew too often, and is tried slowly until it has held for a while. */
  failedSince?: number
  reconnectAttempts: number
  lastStartAt?: number
  lastStopAt?: number
  lastConnectedAt?: number
  lastDisconnectAt?: number
  lastTransportActivityAt?: number
  lastInboundAt?: number
  lastOutboundAt?: number
  lastError?: string
  activeRuns: number
  /** When the oldest of them began. */
  activeSinceAt?: number
  lastRunActivityAt?: number
  /** The machine slept until then: what happened before it says nothing. */
  wokeAt?: number
  /** Automatic restarts of the last hour. */
  restartsAt: number[]
  /** Since the gateway started. */
  readonly restartsByReason: { [reason in RestartReason]?: number }
  lastRestartReason?: RestartReason
}
