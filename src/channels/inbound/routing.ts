/** Which agent answers where. */
import { agentEntries, defaultAgentId } from '../../config/agent-entries.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { peerKey } from '../../sessions/peer-key.ts'
import type { InboundMessage } from '../define-channel.ts'
import type { AccountEntry } from '../entries.ts'

type Config = LoadedConfig['config']
type Keys = { readonly [key: string]: unknown }

export interface Route {
  readonly agentId: string
  readonly sessionKey: string
  /** The rule that decided, for whoever asks why. */
  readonly matchedBy: string
}

interface Match {
  readonly channel?: string
  readonly accountId?: string
  readonly peer?: { readonly kind?: string, readonly id?: string }
  readonly guildId?: string
  readonly teamId?: string
  readonly roles?: readonly string[]
}

type Where = Pick<AccountEntry, 'channel' | 'accountId'> & { readonly isDefaultAccount: boolean }

/** Every field that a rule names has to fit; without an account it speaks of the default one. */
function fits ({ channel, accountId, peer, guildId, teamId, roles }: Match, where: Where, { chat, sender }: InboundMessage): boolean {
  if (channel !== undefined && channel !== where.channel) return false
  if (accountId === undefined ? channel !== undefined && !where.isDefaultAccount : accountId !== '*' && accountId !== where.accountId) return false
  if (guildId !== undefined && guildId !== chat.spaceId) return false
  if (teamId !== undefined && teamId !== chat.spaceId) return false
  if (roles !== undefined && !roles.some(role => sender.roles?.includes(role))) return false
  if (peer?.kind !== undefined && peer.kind !== chat.kind) return false
  return peer?.id === undefined || peer.id === '*' || peer.id === chat.id || peer.id === chat.parentId
}

/** The more a rule says the earlier it is asked; of equals the first one that stands there. */
function rankOf ({ channel, accountId, peer, guildId, teamId, roles }: Match, { chat }: InboundMessage): readonly [number, string] {
  if (peer?.id !== undefined && peer.id !== '*') return peer.id === chat.id ? [0, 'binding.peer'] : [1, 'binding.peer.parent']
  if (peer) return [2, 'binding.peer.wildcard']
  if (roles) return [3, 'binding.guild+roles']
  if (guildId !== undefined) return [4, 'binding.guild']
  if (teamId !== undefined) return [5, 'binding.team']
  if (accountId !== undefined && accountId !== '*') return [6, 'binding.account']
  return channel === undefined ? [8, 'binding'] : [7, 'binding.channel']
}

export function routeOf (message: InboundMessage, where: Where, config: Config): Route {
  const known = new Set(agentEntries(config).map(({ id }) => id.toLowerCase()))
  const found = config.bindings
    // An agent that is not there any more answers nobody.
    .filter(({ agentId = '', match }) => known.has(agentId.toLowerCase()) && match && fits(match as Match, where, message))
    .map(binding => ({ binding, rank: rankOf(binding.match as Match, message) }))
    .sort((a, b) => a.rank[0] - b.rank[0])[0]
  const agentId = found?.binding.agentId?.toLowerCase() ?? defaultAgentId(config)
  const session = (found?.binding as Keys | undefined)?.session as { dmScope?: Config['session']['dmScope'], groupScope?: 'per-group' | 'main' } | undefined
  const { chat, sender } = message
  const sessionKey = peerKey({
    agentId,
    channel: where.channel,
    accountId: where.accountId,
    kind: chat.kind,
    id: chat.kind === 'direct' ? sender.id : chat.id,
    ...(chat.threadId === undefined ? {} : where.channel === 'telegram' ? { topicId: chat.threadId } : { threadId: chat.threadId }),
    ...(session?.groupScope ? { groupScope: session.groupScope } : {})
  }, { ...config.session, ...(session?.dmScope ? { dmScope: session.dmScope } : {}) })
  return { agentId, sessionKey, matchedBy: found?.rank[1] ?? 'default' }
}
