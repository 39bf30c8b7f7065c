/** What other rooms may ask of the channels. */
import type { AccountFacts, Lifecycle } from './facts.ts'
import type { Channel, InboundMessage, ProbeResult, RunningAccount } from './define-channel.ts'
import type { AccountEntry } from './entries.ts'
import type { StartStatus } from './account.ts'
import type { Skipped } from './monitor.ts'
import type { Verdict } from './evaluate.ts'
import type { Delivery } from './delivery/delivery.ts'
import type { ChannelPairing } from './inbound/pairing.ts'
import type { PairingDesk } from './inbound/pairing-desk.ts'
import type { Conversations } from './messaging/conversations.ts'
import type { MessagePort } from '../tools/messages/port.ts'
import type { Probing } from './probing.ts'
import type { ChannelsHealth, ChannelsSummary, SummaryOptions } from './summary.ts'

export interface AccountStatus {
  readonly entry: AccountEntry
  readonly channel: Channel
  readonly facts: Readonly<AccountFacts>
  readonly verdict: Verdict
  readonly skipped?: Skipped
  readonly restartsLastHour: number
}

/** A channel of the configuration that nobody knows how to run, or whose settings do not fit. */
export interface ChannelProblem {
  readonly channel: string
  readonly accountId?: string
  readonly problem: string
}

export interface ChannelAccount {
  readonly entry: AccountEntry
  readonly channel: Channel
  /** Undefined while it does not run. */
  current (): RunningAccount | undefined
  /** The proper name of a chat, where it has several. Throws for what can be none. */
  properly? (to: string): string
  /** Runs of this account that are under way, for its health. */
  runBegan (): void
  runMoved (): void
  runEnded (): void
  sent (): void
}

export interface Started {
  readonly accountId: string
  readonly status: StartStatus
  /** Why it did not, with the next step. */
  readonly problem?: string
}

export interface Channels {
  /** Begins whatever the configuration names, a few at a time, in the background. */
  open (): void
  /** The configuration has changed: only accounts whose own settings did are touched. */
  reload (): Promise<void>
  /** When what runs is what the configuration said last. */
  settled (): Promise<void>
  status (): readonly AccountStatus[]
  problems (): readonly ChannelProblem[]
  probe (channel: string, accountId: string, signal: AbortSignal): Promise<ProbeResult>
  /** Throws NOT_FOUND for an account that the configuration does not name. */
  start (channel: string, accountId?: string): Promise<Started>
  stop (channel: string, accountId?: string): Promise<{ readonly accountId: string, readonly wasRunning: boolean }>
  logout (channel: string, accountId?: string): Promise<{ readonly accountId: string, readonly loggedOut: boolean }>
  find (channel: string, accountId?: string): ChannelAccount | undefined
  /** Channels that plugins bring. Whoever came first keeps its name. */
  add (channel: Channel): boolean
  /** Whoever brought it takes it away: the next reload ends its accounts. */
  remove (channel: Channel): void
  /** Ids of managed accounts that are not well, for the readiness of the gateway. */
  failing (): readonly string[]
  close (): Promise<void>
}

export type { Lifecycle }

/** Takes a message in; resolves when it is durable. */
export type Receive = (account: ChannelAccount, message: InboundMessage) => Promise<void>

/** Everything behind the channels, built together at first use. */
export interface ChannelRooms {
  readonly channels: Channels
  readonly delivery: Delivery
  readonly pairing: ChannelPairing
  readonly desk: PairingDesk
  readonly probing: Probing
  /** What is sent, changed and taken back beside the replies of runs. */
  readonly messages: MessagePort
  readonly conversations: Conversations
  /** What is shown of all of it, without credentials. */
  summary (more?: Pick<SummaryOptions, 'probes' | 'only'>): ChannelsSummary
  /** What of it is part of the health of the gateway, which everybody who is connected may see. */
  health (): ChannelsHealth
  /** Takes out what looks like a credential, and every secret in use. */
  redact (text: string): string
}
