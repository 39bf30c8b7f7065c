/** Who is answered on a channel, and who is not. */
import type { LoadedConfig } from '../../config/load.ts'
import type { GroupRules, InboundMessage, Person } from '../define-channel.ts'
import type { AccountEntry } from '../entries.ts'

type Config = LoadedConfig['config']
type Keys = { readonly [key: string]: unknown }

export type Access =
  | { readonly kind: 'allowed', readonly isOwner: boolean }
  /** A stranger who may ask to be let in. */
  | { readonly kind: 'stranger' }
  /** Nobody spoke to the agent; it may know of it later. */
  | { readonly kind: 'overheard' }
  | { readonly kind: 'ignored', readonly because: string }

const isKeys = (value: unknown): value is Keys => typeof value === 'object' && value !== null && !Array.isArray(value)
const listOf = (value: unknown): readonly string[] => Array.isArray(value) ? value.map(String) : []

/** `123`, `@name`, `name`, `telegram:123`, `telegram:@name`; names in any case, ids as they are. */
export function isNamed (list: readonly string[], channel: string, { id, username }: Person): boolean {
  const prefix = `${channel}:`
  return list.some(entry => {
    const name = entry.toLowerCase().startsWith(prefix) ? entry.slice(prefix.length) : entry
    return name === id || (username !== undefined && name.replace(/^@/, '').toLowerCase() === username.toLowerCase())
  })
}

const matches = (list: readonly string[], channel: string, sender: Person): boolean => list.includes('*') || isNamed(list, channel, sender)

/** The settings of one group over those of all. Undefined: nothing is said of groups. */
function ownRules ({ groups }: Keys, chatId: string): GroupRules | undefined {
  if (!isKeys(groups)) return undefined
  const own = Object.hasOwn(groups, chatId) ? groups[chatId] : undefined
  const all = Object.hasOwn(groups, '*') ? groups['*'] : undefined
  const { enabled, requireMention, allowFrom } = { ...isKeys(all) ? all : {}, ...isKeys(own) ? own : {} }
  const senders = listOf(allowFrom)
  return {
    isListed: own !== undefined || all !== undefined,
    ...(enabled === false ? { enabled } : {}),
    ...(requireMention === false ? { requireMention } : {}),
    ...(senders.length > 0 ? { allowFrom: senders } : {})
  }
}

/** Patterns of the operator; one that cannot be read mentions nobody. */
function mentions (patterns: readonly string[], text: string): boolean {
  return patterns.some(pattern => {
    try {
      return new RegExp(pattern, 'i').test(text.slice(0, 4000))
    } catch {
      return false
    }
  })
}

function direct (entry: AccountEntry, sender: Person, approved: boolean): 'allowed' | 'stranger' | { because: string } {
  const { dmPolicy = 'pairing' } = entry.config
  const allowFrom = listOf(entry.config.allowFrom)
  if (dmPolicy === 'disabled') return { because: 'direct messages are switched off (dmPolicy)' }
  if (approved || matches(allowFrom, entry.channel, sender)) return 'allowed'
  if (dmPolicy === 'pairing') return 'stranger'
  return { because: dmPolicy === 'open' ? 'dmPolicy "open" needs "*" in allowFrom' : 'the sender is not in allowFrom' }
}

function group (entry: AccountEntry, message: InboundMessage, config: Config, rules: GroupRules | undefined): 'allowed' | 'overheard' | { because: string } {
  const { sender, text } = message
  const policy = entry.config.groupPolicy ?? config.channels.defaults.groupPolicy
  if (policy === 'disabled') return { because: 'groups are switched off (groupPolicy)' }
  if (rules?.enabled === false) return { because: 'the group is switched off' }
  const senders = rules?.allowFrom ?? listOf(entry.config.groupAllowFrom ?? entry.config.allowFrom)
  if (policy !== 'open') {
    if (rules && !rules.isListed) return { because: 'the group is not in groups' }
    if (senders.length === 0 && !rules) return { because: 'groupPolicy "allowlist" names neither groups nor senders' }
  }
  const isLimited = senders.length > 0 || rules?.allowFrom !== undefined
  if (isLimited && !matches(senders, entry.channel, sender)) return { because: 'the sender is not allowed in this group' }
  if (rules?.requireMention === false) return 'allowed'
  const { mentionPatterns } = config.messages.groupChat
  const isSpokenTo = message.isMention === true || message.replyTo?.isOurs === true || mentions(mentionPatterns, text)
  return isSpokenTo ? 'allowed' : 'overheard'
}

/** `approved`: a person has let this sender in by pairing. `rules`: what the channel itself knows of the group. */
export function accessOf (entry: AccountEntry, message: InboundMessage, config: Config, approved: boolean, rules?: GroupRules): Access {
  const { chat, sender } = message
  if (sender.isBot && entry.config.allowBots !== true) return { kind: 'ignored', because: 'bots are not answered' }
  const verdict = chat.kind === 'direct' ? direct(entry, sender, approved) : group(entry, message, config, rules ?? ownRules(entry.config, chat.id))
  if (typeof verdict === 'object') return { kind: 'ignored', ...verdict }
  if (verdict !== 'allowed') return { kind: verdict }
  return { kind: 'allowed', isOwner: isNamed(config.commands.ownerAllowFrom, entry.channel, sender) }
}
