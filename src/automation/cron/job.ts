/** A job as the store keeps it. Rows outlive versions: fields are added, never given another meaning. */

export type Schedule =
  | { readonly kind: 'at', readonly at: string }
  | { readonly kind: 'every', readonly everyMs: number, readonly anchorMs?: number }
  | { readonly kind: 'cron', readonly expr: string, readonly tz?: string, readonly staggerMs?: number }

interface ToolLimits {
  /** What the run may use at most; the policy takes away from it. */
  readonly toolsAllow?: readonly string[]
}

export type Payload =
  | { readonly kind: 'systemEvent', readonly text: string } & ToolLimits
  | {
    readonly kind: 'agentTurn'
    readonly message: string
    readonly model?: string
    /** In place of those of the agent; none: the model or nothing. */
    readonly fallbacks?: readonly string[]
    readonly thinking?: string
    readonly timeoutSeconds?: number
    readonly lightContext?: boolean
  } & ToolLimits
  | {
    readonly kind: 'command'
    readonly argv: readonly string[]
    readonly cwd?: string
    readonly env?: { readonly [name: string]: string }
    readonly timeoutSeconds?: number
    readonly noOutputTimeoutSeconds?: number
    readonly outputMaxBytes?: number
  } & ToolLimits

/** How soon and how late a job may want to look again, as durations. */
export interface Pacing {
  readonly min?: string
  readonly max?: string
}

export interface Destination {
  readonly mode?: 'announce' | 'webhook'
  /** `last`: where the conversation was heard of last. */
  readonly channel?: string
  readonly to?: string
  readonly accountId?: string
  readonly threadId?: string | number
}

export interface Delivery extends Omit<Destination, 'mode'> {
  readonly mode: 'none' | 'announce' | 'webhook'
  readonly bestEffort?: boolean
  readonly failureDestination?: Destination
  readonly completionDestination?: { readonly mode: 'webhook', readonly to: string }
}

export interface FailureAlert extends Omit<Destination, 'threadId'> {
  readonly after?: number
  readonly cooldownMs?: number
  readonly includeSkipped?: boolean
}

export interface Owner {
  readonly agentId?: string
  readonly sessionKey?: string
  readonly accountId?: string
}

/** What somebody said when they made or changed it. */
export interface JobDefinition {
  readonly name: string
  readonly declarationKey?: string
  readonly displayName?: string
  readonly owner?: Owner
  readonly agentId?: string
  readonly sessionKey?: string
  readonly description?: string
  readonly enabled: boolean
  readonly deleteAfterRun?: boolean
  readonly schedule: Schedule
  readonly pacing?: Pacing
  readonly sessionTarget: string
  readonly wakeMode: 'now' | 'next-heartbeat'
  readonly payload: Payload
  readonly delivery?: Delivery
  readonly failureAlert?: false | FailureAlert
}

export type RunStatus = 'ok' | 'error' | 'skipped'
export type DeliveryStatus = 'delivered' | 'not-delivered' | 'unknown' | 'not-requested'

/** How its runs went, as clients read it. */
export interface JobState {
  readonly nextRunAtMs?: number
  readonly scheduleActivatedAtMs?: number
  readonly runningAtMs?: number
  readonly lastRunAtMs?: number
  readonly lastRunStatus?: RunStatus
  readonly lastError?: string
  readonly lastErrorReason?: string
  readonly lastDurationMs?: number
  readonly consecutiveErrors?: number
  readonly consecutiveSkipped?: number
  readonly autoDisabled?: { readonly reason: 'consecutive-failures' | 'schedule-errors', readonly atMs: number, readonly consecutiveErrors: number }
  readonly lastDelivered?: boolean
  readonly lastDeliveryStatus?: DeliveryStatus
  readonly lastDeliveryError?: string
  readonly deliverySuppressionReason?: string
  readonly lastFailureNotificationDelivered?: boolean
  readonly lastFailureNotificationDeliveryStatus?: DeliveryStatus
  readonly lastFailureNotificationDeliveryError?: string
  readonly lastFailureAlertAtMs?: number
}

/** A run that was decided on. It is written before the run begins, so that a later process knows of it whatever happened. */
export interface Underway {
  readonly runId: string
  readonly sessionKey: string
  readonly startedAtMs: number
  /** Absent: somebody asked for it, whatever the schedule says. */
  readonly slotMs?: number
  /** The reply is on its way; what was handed over is never handed over twice. */
  readonly handedOver?: HandedOver
}

/** How a run ended, before it is known what became of its reply. */
export interface HandedOver {
  readonly status: RunStatus
  readonly endedAtMs: number
  readonly text: string
  readonly error?: string
  readonly errorReason?: string
  /** It may go better the next time. */
  readonly isPassing?: true
  readonly sessionId?: string
  readonly provider?: string
  readonly model?: string
  readonly usage?: { readonly [field: string]: number }
  /** Messages in the queue of the channels. */
  readonly messageId?: string
  readonly deliveryStatus: DeliveryStatus
  readonly deliveryError?: string
  readonly suppressed?: string
}

export interface Job extends JobDefinition {
  readonly id: string
  readonly createdAtMs: number
  readonly updatedAtMs: number
  readonly state: JobState
  /** Slots up to here have been decided about. */
  readonly cursorMs: number
  /** Slots that are still to be made up for, oldest first. */
  readonly pending?: readonly number[]
  /** Earliest moment of the next of those. */
  readonly notBeforeMs?: number
  /** What its run has asked for, until that is over. */
  readonly nextCheck?: { readonly runId: string, readonly inMs: number }
  /** In place of the next slot of the schedule. */
  readonly pacedAtMs?: number
  /** Tries of a one-shot that failed for a reason that may pass. */
  readonly retries?: number
  readonly underway?: Underway
  /** Whoever made it holds the gateway: its runs do what they may do. */
  readonly isOwners: boolean
}
