/** Keys of conversations on channels, by the rules of `session.dmScope`, `session.groupScope` and `session.identityLinks`. */
import type { Config } from '../config/schema.ts'
import { buildKey } from './keys.ts'

export interface Peer {
  readonly agentId: string
  readonly channel: string
  readonly accountId?: string
  readonly kind: 'direct' | 'group' | 'channel'
  readonly id: string
  readonly threadId?: string
  /** Forum topics of a group. */
  readonly topicId?: string
  /** A binding may decide for itself. */
  readonly groupScope?: 'per-group' | 'main'
}

type Rules = Pick<Config['session'], 'dmScope' | 'groupScope' | 'identityLinks'>

/** The one name of a person who writes from several addresses. */
function linkedPeer ({ channel, id }: Peer, links: Rules['identityLinks']): string {
  const address = `${channel}:${id}`.toLowerCase()
  for (const [name, addresses] of Object.entries(links)) {
    if (addresses.some(candidate => candidate.toLowerCase() === address || candidate.toLowerCase() === id.toLowerCase())) return name
  }
  return id
}

export function directRest (peer: Peer, rules: Rules): string {
  const id = linkedPeer(peer, rules.identityLinks)
  switch (rules.dmScope) {
    case 'per-peer': return `direct:${id}`
    case 'per-channel-peer': return `${peer.channel}:direct:${id}`
    case 'per-account-channel-peer': return `${peer.channel}:${peer.accountId ?? 'default'}:direct:${id}`
    default: return 'main'
  }
}

export function peerKey (peer: Peer, rules: Rules): string {
  const sharesMain = peer.kind !== 'direct' && (peer.groupScope ?? rules.groupScope) === 'main'
  const base = sharesMain ? 'main' : peer.kind === 'direct' ? directRest(peer, rules) : `${peer.channel}:${peer.kind}:${peer.id}`
  if (base === 'main') return buildKey(peer.agentId, base)
  const thread = peer.topicId !== undefined ? `:topic:${peer.topicId}` : peer.threadId !== undefined ? `:thread:${peer.threadId}` : ''
  return buildKey(peer.agentId, base + thread)
}
