/** Who is answered in which channel of which server, as `guilds` says. */
import type { GroupRules, InboundMessage } from '../../define-channel.ts'
import type { DiscordKeys } from './settings.ts'

const ownOrAll = <Value>(map: { readonly [id: string]: Value } | undefined, id: string): Value | undefined =>
  map && (Object.hasOwn(map, id) ? map[id] : Object.hasOwn(map, '*') ? map['*'] : undefined)

/** Undefined: nothing is said of servers at all. */
export function groupRules ({ guilds }: DiscordKeys, { chat, sender }: InboundMessage): GroupRules | undefined {
  if (!guilds) return undefined
  const guild = ownOrAll(guilds, chat.spaceId ?? '')
  if (!guild) return { isListed: false }
  const channels = guild.channels
  const channel = channels && (channels[chat.threadId ?? ''] ?? ownOrAll(channels, chat.id))
  if (channels && !channel) return { isListed: false }
  const users = channel?.users ?? guild.users
  const roles = channel?.roles ?? guild.roles
  const requireMention = channel?.requireMention ?? guild.requireMention
  const hasRole = roles?.some(role => sender.roles?.includes(role)) === true
  return {
    isListed: true,
    ...(channel?.enabled === false ? { enabled: false } : {}),
    ...(requireMention === undefined ? {} : { requireMention }),
    ...(users || roles ? { allowFrom: [...users ?? [], ...hasRole ? [sender.id] : []] } : {})
  }
}
