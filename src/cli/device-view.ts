/** Devices as the gateway lists them, and as people read them. */
import { escapeControl } from '../lib/text.ts'
import { ago, facts, table } from './table.ts'

export interface PendingDevice {
  requestId: string
  deviceId: string
  displayName?: string
  platform?: string
  clientId?: string
  role?: string
  roles?: string[]
  scopes?: string[]
  remoteIp?: string
  isRepair?: boolean
  ts?: number
}

export interface PairedDevice {
  deviceId: string
  displayName?: string
  operatorLabel?: string
  platform?: string
  clientId?: string
  roles?: string[]
  scopes?: string[]
  approvedVia?: string
  remoteIp?: string
  connected?: boolean
  lastSeenAtMs?: number
  tokens?: { role: string, scopes: string[], revokedAtMs?: number }[]
}

export interface DeviceList {
  pending: PendingDevice[]
  paired: PairedDevice[]
}

const cell = (text: string | undefined, maxCharacters = 48): string => text ? escapeControl(text, maxCharacters) : '-'
/** Enough to tell devices apart; the full id stands below the table. */
const shortId = (deviceId: string): string => cell(deviceId).slice(0, 12)
const words = (list: readonly string[] | undefined): string => list && list.length > 0 ? cell(list.join(', '), 160) : 'none'
const scopeWords = (list: readonly string[] | undefined): string => words(list?.map(scope => scope.replace(/^operator\./, '')))

export const nameOf = (device: { displayName?: string, operatorLabel?: string, clientId?: string }): string =>
  cell(device.operatorLabel ?? device.displayName ?? device.clientId)

const tokenText = ({ tokens }: PairedDevice): string => words(tokens?.map(({ role, revokedAtMs }) => revokedAtMs === undefined ? role : `${role} (revoked)`))

function pendingTable (pending: readonly PendingDevice[], nowMs: number): string {
  return table(['Request', 'Device', 'Device ID', 'Roles', 'Scopes', 'From', 'Asked'], pending.map(device => [
    cell(device.requestId, 64),
    `${nameOf(device)}${device.isRepair ? ' (known device)' : ''}`,
    shortId(device.deviceId),
    words(device.roles ?? (device.role ? [device.role] : [])),
    scopeWords(device.scopes),
    cell(device.remoteIp),
    ago(device.ts, nowMs)
  ]))
}

function pairedTable (paired: readonly PairedDevice[], nowMs: number): string {
  return table(['Device', 'Device ID', 'Roles', 'Scopes', 'Tokens', 'IP', 'Seen'], paired.map(device => [
    nameOf(device),
    shortId(device.deviceId),
    words(device.roles),
    scopeWords(device.scopes),
    tokenText(device),
    cell(device.remoteIp),
    device.connected ? 'connected' : ago(device.lastSeenAtMs, nowMs)
  ]))
}

export function deviceListText ({ pending, paired }: DeviceList, nowMs: number): string {
  if (pending.length + paired.length === 0) return 'No device is paired and none is waiting.'
  const waiting = pending.length > 0
    ? [`Pending (${pending.length})`, pendingTable(pending, nowMs), '', 'Approve with: openclaw devices approve <request>', '']
    : []
  const known = paired.length > 0
    ? [`Paired (${paired.length})`, pairedTable(paired, nowMs), '', 'Full ids', ...paired.map(device => `  ${nameOf(device)}  ${cell(device.deviceId, 80)}`)]
    : []
  return [...waiting, ...known].join('\n').trimEnd()
}

/** Everything that somebody should look at before he says yes. */
export const requestText = (device: PendingDevice, nowMs: number): string => facts([
  ['Request', cell(device.requestId, 64)],
  ['Device', nameOf(device)],
  ['Device ID', cell(device.deviceId, 80)],
  ['Client', `${cell(device.clientId)} on ${cell(device.platform)}`],
  ['From', cell(device.remoteIp)],
  ['Roles', words(device.roles ?? (device.role ? [device.role] : []))],
  ['Scopes', scopeWords(device.scopes)],
  ['Asked', ago(device.ts, nowMs)]
])
