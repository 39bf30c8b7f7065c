/** Channels as the gateway tells of them, and as people read them. */
import { escapeControl } from '../lib/text.ts'
import { ago, table } from './table.ts'

export interface ChannelAccountView {
  readonly accountId: string
  readonly name?: string
  readonly enabled?: boolean
  readonly configured?: boolean
  readonly linked?: boolean
  readonly running?: boolean
  readonly connected?: boolean
  /** Of WebChat: how many are connected. */
  readonly clients?: number
  readonly manuallyStopped?: boolean
  readonly restartPending?: boolean
  readonly restartsLastHour?: number
  readonly lastInboundAt?: number | null
  readonly lastOutboundAt?: number | null
  readonly lastTransportActivityAt?: number | null
  readonly lastError?: string | null
  readonly healthState?: string
  readonly mode?: string
  readonly dmPolicy?: string
  readonly probe?: { readonly ok?: boolean, readonly error?: string, readonly bot?: { readonly username?: string } }
}

export interface ChannelsView {
  readonly ts: number
  readonly channelOrder: readonly string[]
  readonly channelLabels: { readonly [id: string]: string }
  readonly channelAccounts: { readonly [id: string]: readonly ChannelAccountView[] }
  readonly warnings?: readonly string[]
}

export const channelCourse = (doing: string) => ({ doing, administrative: true } as const)

export const labelOf = ({ channelLabels }: Pick<ChannelsView, 'channelLabels'>, id: string): string => channelLabels[id] ?? id

const cell = (text: string, maxCharacters = 64): string => escapeControl(text, maxCharacters)
const when = (word: string, at: number | null | undefined, nowMs: number): string | undefined => at ? `${word}:${ago(at, nowMs)}` : undefined
const either = (value: boolean | undefined, yes: string, no: string): string | undefined =>
  value === undefined ? undefined : value ? yes : no

/** `enabled, configured, running, connected, in:…, out:…, …, works`. */
export function accountWords (row: ChannelAccountView, nowMs: number): string {
  const { probe, healthState, lastError, restartsLastHour = 0 } = row
  return [
    either(row.enabled, 'enabled', 'disabled'),
    either(row.configured, 'configured', 'not configured'),
    either(row.linked, 'linked', 'not linked'),
    row.manuallyStopped ? 'stopped by hand' : either(row.running, 'running', 'stopped'),
    row.clients === undefined ? either(row.connected, 'connected', 'disconnected') : `clients:${row.clients}`,
    row.restartPending ? 'restart pending' : undefined,
    when('in', row.lastInboundAt, nowMs),
    when('out', row.lastOutboundAt, nowMs),
    when('transport', row.lastTransportActivityAt, nowMs),
    row.mode ? `mode:${row.mode}` : undefined,
    probe?.bot?.username ? `bot:@${cell(probe.bot.username)}` : undefined,
    row.dmPolicy ? `dm:${row.dmPolicy}` : undefined,
    healthState ? `health:${healthState}` : undefined,
    restartsLastHour > 0 ? `restarts:${restartsLastHour}/h` : undefined,
    probe ? either(probe.ok, 'works', `probe failed${probe.error ? ` (${cell(probe.error, 200)})` : ''}`) : undefined,
    lastError ? `error:${cell(lastError, 300)}` : undefined
  ].filter(word => word !== undefined).join(', ')
}

const nameOf = ({ accountId, name }: ChannelAccountView): string => name ? `${cell(accountId)} (${cell(name)})` : cell(accountId)

const noChannels = '- no configured chat channels (openclaw channels list --all shows what there is)'

export function statusLines (view: ChannelsView): string[] {
  const lines = view.channelOrder.flatMap(id => (view.channelAccounts[id] ?? []).map(row =>
    `- ${cell(labelOf(view, id))} ${nameOf(row)}: ${accountWords(row, view.ts)}`))
  const isOnlyOurs = view.channelOrder.every(id => id === 'webchat')
  return isOnlyOurs ? [noChannels, ...lines] : lines
}

export function statusText (view: ChannelsView): string {
  const warnings = view.warnings ?? []
  return [
    'Gateway reachable.',
    ...statusLines(view),
    ...(warnings.length > 0 ? ['', 'Warnings:', ...warnings.map(text => `- ${cell(text, 400)}`)] : [])
  ].join('\n')
}

export interface PairingRequestView {
  readonly requestId: string
  readonly channel: string
  readonly channelLabel: string
  readonly accountId: string
  readonly senderId: string
  readonly senderLabel: string
  readonly createdAt: string
  readonly expiresAt: string
}

export function pairingText (requests: readonly PairingRequestView[], nowMs: number): string {
  if (requests.length === 0) return 'Nobody waits to be let in.'
  return table(['Request', 'Channel', 'Account', 'Sender', 'Name', 'Asked', 'Expires'], requests.map(request => [
    cell(request.requestId),
    cell(request.channelLabel),
    cell(request.accountId),
    cell(request.senderId),
    cell(request.senderLabel),
    ago(Date.parse(request.createdAt), nowMs),
    `in ${Math.max(0, Math.round((Date.parse(request.expiresAt) - nowMs) / 60_000))}m`
  ]))
}

export interface QueueView {
  readonly ts: number
  readonly total: number
  readonly counts: { readonly queued: number, readonly parked: number, readonly dead: number }
  readonly items: ReadonlyArray<{
    readonly id: string
    readonly channel: string
    readonly accountId: string
    readonly to: string
    readonly state: string
    readonly reason?: string
    readonly attempts: number
    readonly createdAtMs: number
    readonly preview: string
  }>
}

export function queueText ({ ts, total, counts, items }: QueueView): string {
  const counted = `${counts.queued} queued, ${counts.parked} parked, ${counts.dead} dead`
  if (items.length === 0) return `Nothing waits here (${counted}).`
  const rows = items.map(item => [
    cell(item.id, 80),
    item.state,
    `${cell(item.channel)} ${cell(item.accountId)}`,
    cell(item.to),
    ago(item.createdAtMs, ts),
    String(item.attempts),
    cell(item.preview.replace(/\s+/g, ' '), 40),
    cell(item.reason ?? '', 100)
  ])
  const more = total > items.length ? [`… and ${total - items.length} more (--limit)`] : []
  return [counted, table(['Id', 'State', 'Account', 'To', 'Since', 'Tries', 'Text', 'Why'], rows), ...more].join('\n')
}
