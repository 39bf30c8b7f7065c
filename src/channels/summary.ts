/** What operators and clients are shown of the channels, in the shapes of the contract. */
import type { LoadedConfig } from '../config/load.ts'
import type { ProbeResult } from './define-channel.ts'
import type { OutboundItem } from './delivery/item.ts'
import { channelSections, defaultAccountOf } from './entries.ts'
import type { AccountStatus, ChannelProblem, Channels } from './room.ts'

export interface AccountRow {
  readonly accountId: string
  readonly enabled: boolean
  readonly configured: boolean
  readonly running: boolean
  readonly lastError: string | null
  readonly healthState: string
  readonly [field: string]: unknown
}

export interface Probed {
  readonly ok: boolean
  readonly elapsedMs: number
  readonly error?: string
  readonly bot?: { readonly id?: string, readonly username?: string }
}

export interface ChannelsSummary {
  readonly channelOrder: readonly string[]
  readonly channelLabels: { readonly [id: string]: string }
  readonly channels: { readonly [id: string]: ChannelSummary }
  readonly channelAccounts: { readonly [id: string]: readonly AccountRow[] }
  readonly channelDefaultAccountId: { readonly [id: string]: string }
  /** For people: what keeps a channel of the configuration from being used. */
  readonly warnings: readonly string[]
}

interface ChannelSummary {
  readonly configured: boolean
  readonly running: boolean
  readonly lastError: string | null
  readonly [field: string]: unknown
}

/** As the health of the gateway shows it to everybody who is connected: no settings, no names of people. */
export interface ChannelsHealth {
  readonly channels: { readonly [id: string]: object }
  readonly channelOrder: readonly string[]
  readonly channelLabels: { readonly [id: string]: string }
  /** Messages that wait for somebody to look at them. */
  readonly deliveryQueues?: { readonly failed: ReadonlyArray<{ queueName: string, count: number, oldestFailedAt: number }> }
}

export interface SummaryOptions {
  readonly channels: Channels
  readonly config: () => LoadedConfig
  readonly redact: (text: string) => string
  /** By `channel:account`. */
  readonly probes?: ReadonlyMap<string, Probed>
  /** Only this one. */
  readonly only?: string
}

const maxShownSenders = 100

export const nameOf = (channel: string, accountId: string): string => `${channel}:${accountId}`

export function probedOf ({ ok, error, self }: ProbeResult, elapsedMs: number, redact: (text: string) => string): Probed {
  const { id, name } = self ?? {}
  return {
    ok,
    elapsedMs,
    ...(error === undefined ? {} : { error: redact(error).slice(0, 500) }),
    ...(self ? { bot: { ...(id === undefined ? {} : { id }), ...(name === undefined ? {} : { username: name.replace(/^@/, '') }) } } : {})
  }
}

const modeOf = ({ channel, entry }: AccountStatus): string => entry.config.webhookUrl === undefined ? channel.mode : 'webhook'

function policyOf ({ config }: AccountStatus['entry']): object {
  const { dmPolicy = 'pairing', allowFrom } = config
  return { dmPolicy: String(dmPolicy), ...(Array.isArray(allowFrom) ? { allowFrom: allowFrom.slice(0, maxShownSenders).map(String) } : {}) }
}

function rowOf (status: AccountStatus, { redact, probes }: SummaryOptions): AccountRow {
  const { entry, facts, verdict, skipped } = status
  const probe = probes?.get(nameOf(entry.channel, entry.accountId))
  return {
    accountId: entry.accountId,
    ...(entry.name === undefined ? {} : { name: entry.name }),
    enabled: facts.enabled,
    configured: facts.configured,
    running: facts.running,
    ...(facts.connected === undefined ? {} : { connected: facts.connected }),
    lifecycle: facts.lifecycle,
    healthState: verdict.reason,
    healthy: verdict.healthy,
    ...(skipped ? { skipped } : {}),
    restartPending: facts.restartPending,
    reconnectAttempts: facts.reconnectAttempts,
    restartsLastHour: status.restartsLastHour,
    restartsByReason: { ...facts.restartsByReason },
    ...(facts.lastRestartReason ? { lastRestartReason: facts.lastRestartReason } : {}),
    ...(facts.terminal ? { terminal: facts.terminal } : {}),
    manuallyStopped: facts.manuallyStopped,
    ...(facts.isHeldBack ? { autostartSuppressed: true } : {}),
    lastStartAt: facts.lastStartAt ?? null,
    lastStopAt: facts.lastStopAt ?? null,
    lastConnectedAt: facts.lastConnectedAt ?? null,
    lastDisconnectAt: facts.lastDisconnectAt ?? null,
    lastEventAt: facts.lastInboundAt ?? null,
    lastTransportActivityAt: facts.lastTransportActivityAt ?? null,
    lastInboundAt: facts.lastInboundAt ?? null,
    lastOutboundAt: facts.lastOutboundAt ?? null,
    lastError: facts.lastError === undefined ? null : redact(facts.lastError),
    busy: facts.activeRuns > 0,
    activeRuns: facts.activeRuns,
    lastRunActivityAt: facts.lastRunActivityAt ?? null,
    mode: modeOf(status),
    ...policyOf(entry),
    ...(probe ? { probe } : {})
  }
}

/** Stays visible although nobody can run it. */
const problemRow = ({ accountId = 'default', problem }: ChannelProblem, redact: SummaryOptions['redact']): AccountRow => ({
  accountId,
  enabled: true,
  configured: false,
  running: false,
  lifecycle: 'blocked',
  healthState: 'blocked',
  healthy: false,
  lastError: redact(problem)
})

/** The account that is meant when none is named speaks for its channel. */
function summaryOf (rows: readonly AccountRow[], defaultId: string | undefined): ChannelSummary {
  const main = rows.find(({ accountId }) => accountId === defaultId) ?? rows[0]!
  const { running, lastError, lastStartAt = null, lastStopAt = null, mode, probe, connected, lifecycle, healthState } = main
  return {
    configured: rows.some(({ configured }) => configured),
    running,
    ...(connected === undefined ? {} : { connected }),
    lifecycle,
    healthState,
    ...(mode === undefined ? {} : { mode }),
    lastStartAt,
    lastStopAt,
    lastError,
    ...(probe === undefined ? {} : { probe })
  }
}

export function summarise (options: SummaryOptions): ChannelsSummary {
  const { channels, redact, only } = options
  const { config } = options.config()
  const known = channels.status()
  const problems = channels.problems()
  const order = channelSections(config).map(([id]) => id).filter(id => only === undefined || only === 'all' || id === only)
  const rowsOf = (id: string): AccountRow[] => [
    ...known.filter(({ entry }) => entry.channel === id).map(status => rowOf(status, options)),
    ...problems.filter(({ channel }) => channel === id).map(problem => problemRow(problem, redact))
  ]
  const accounts = order.map(id => [id, rowsOf(id)] as const).filter(([, rows]) => rows.length > 0)
  const labelOf = (id: string): string => known.find(({ entry }) => entry.channel === id)?.channel.label ?? id
  const defaultOf = (id: string): string => defaultAccountOf(config, id) ?? 'default'
  return {
    channelOrder: accounts.map(([id]) => id),
    channelLabels: Object.fromEntries(accounts.map(([id]) => [id, labelOf(id)])),
    channels: Object.fromEntries(accounts.map(([id, rows]) => [id, summaryOf(rows, defaultOf(id))])),
    channelAccounts: Object.fromEntries(accounts),
    channelDefaultAccountId: Object.fromEntries(accounts.map(([id]) => [id, defaultOf(id)])),
    warnings: problems.filter(({ channel }) => order.includes(channel)).map(({ channel, accountId = 'default', problem }) =>
      `${channel} ${accountId}: ${redact(problem)}`)
  }
}

function healthRow (row: AccountRow): object {
  const { accountId, enabled, configured, running, connected, lifecycle, healthState, healthy, lastError, lastStartAt, probe } = row
  return {
    accountId,
    enabled,
    configured,
    running,
    ...(connected === undefined ? {} : { connected }),
    lifecycle,
    healthState,
    healthy,
    lastStartAt: lastStartAt ?? null,
    lastError,
    ...(probe === undefined ? {} : { probe })
  }
}

export function healthOf (options: SummaryOptions, queue: readonly OutboundItem[]): ChannelsHealth {
  const { channelOrder, channelLabels, channels, channelAccounts, channelDefaultAccountId } = summarise(options)
  const waiting = queue.filter(({ state }) => state !== 'queued').map(({ createdAtMs }) => createdAtMs)
  const failed = [{ queueName: 'outbound', count: waiting.length, oldestFailedAt: Math.min(...waiting) }]
  return {
    channelOrder,
    channelLabels,
    channels: Object.fromEntries(channelOrder.map(id => [id, {
      accountId: channelDefaultAccountId[id],
      ...channels[id],
      accounts: Object.fromEntries(channelAccounts[id]!.map(row => [row.accountId, healthRow(row)]))
    }])),
    ...(waiting.length === 0 ? {} : { deliveryQueues: { failed } })
  }
}
