/** Who is answered in which conversation, as `channels` and `dm` say. */
import type { GroupRules, InboundMessage } from '../../define-channel.ts'
import type { SlackKeys } from './settings.ts'

/** Undefined: nothing is said of channels at all. */
export function groupRules ({ channels, dm = {} }: SlackKeys, { chat }: InboundMessage): GroupRules | undefined {
  if (chat.kind === 'group') {
    const isListed = dm.groupChannels === undefined || dm.groupChannels.includes(chat.id)
    return { isListed, enabled: dm.groupEnabled === true && isListed }
  }
  if (!channels) return undefined
  const all = Object.hasOwn(channels, '*') ? channels['*'] : undefined
  const own = Object.hasOwn(channels, chat.id) ? channels[chat.id] : undefined
  if (!own && !all) return { isListed: false }
  const { enabled, requireMention, users } = { ...all, ...own }
  return {
    isListed: true,
    ...(enabled === false ? { enabled } : {}),
    ...(requireMention === undefined ? {} : { requireMention }),
    ...(users ? { allowFrom: users } : {})
  }
}
