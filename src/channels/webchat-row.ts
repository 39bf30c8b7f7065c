/** How the clients of this gateway are shown among the channels. Nothing else of the channels is loaded for it. */
import type { AccountRow, ChannelsSummary } from './summary.ts'

export const webchatId = 'webchat'
export const webchatLabel = 'WebChat'
/** The only one there is. */
export const webchatAccountId = 'default'

export interface ConnectedClient {
  readonly state: string
  readonly openedAtMs: number
  readonly client: { readonly mode: string } | undefined
}

const isPage = ({ state, client }: ConnectedClient): boolean => state === 'connected' && (client?.mode === 'webchat' || client?.mode === 'ui')

/** Pages and apps in which people talk to agents; a gateway without any is as well as with some, so nothing of it is ever stale. */
function rowOf (connections: Iterable<ConnectedClient>, isProbed: boolean): AccountRow {
  const since = Array.from(connections).filter(isPage).map(({ openedAtMs }) => openedAtMs)
  return {
    accountId: webchatAccountId,
    enabled: true,
    configured: true,
    running: true,
    connected: since.length > 0,
    clients: since.length,
    lifecycle: 'ready',
    healthState: 'healthy',
    healthy: true,
    lastConnectedAt: since.length > 0 ? Math.max(...since) : null,
    lastError: null,
    mode: 'rpc',
    ...(isProbed ? { probe: { ok: true, elapsedMs: 0 } } : {})
  }
}

export interface RowOptions {
  readonly connections: Iterable<ConnectedClient>
  readonly isProbed: boolean
  /** Only this one. */
  readonly only?: string | undefined
}

/** Behind the channels of the configuration. */
export function withWebchat (shown: ChannelsSummary, { connections, isProbed, only = 'all' }: RowOptions): ChannelsSummary {
  if (only !== 'all' && only !== webchatId) return shown
  const row = rowOf(connections, isProbed)
  const { accountId: _accountId, healthy: _healthy, ...summary } = row
  return {
    channelOrder: [...shown.channelOrder.filter(id => id !== webchatId), webchatId],
    channelLabels: { ...shown.channelLabels, [webchatId]: webchatLabel },
    channels: { ...shown.channels, [webchatId]: summary },
    channelAccounts: { ...shown.channelAccounts, [webchatId]: [row] },
    channelDefaultAccountId: { ...shown.channelDefaultAccountId, [webchatId]: webchatAccountId },
    warnings: shown.warnings
  }
}
