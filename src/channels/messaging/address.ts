/** Which account and which chat somebody means. */
import type { LoadedConfig } from '../../config/load.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { MessageAddress, MessagePlace } from '../../tools/messages/port.ts'
import { channelSections } from '../entries.ts'
import type { ChannelAccount, Channels } from '../room.ts'
import { webchatId } from '../webchat-row.ts'

type Config = LoadedConfig['config']

const maxIdChars = 512

const enabledChannels = (config: Config): string[] => channelSections(config).filter(([, keys]) => keys.enabled !== false).map(([id]) => id)

/** `telegram:123` names its channel. */
function prefixOf (to: string, known: readonly string[]): string | undefined {
  const prefix = /^([a-z][\w-]*):/i.exec(to)?.[1]?.toLowerCase()
  return prefix !== undefined && known.includes(prefix) ? prefix : undefined
}

function channelOf ({ channel, to = '' }: MessageAddress, config: Config): string {
  const known = enabledChannels(config)
  if (channel !== undefined && channel.trim() !== '') return channel.trim().toLowerCase()
  const prefix = prefixOf(to, [...channelSections(config).map(([id]) => id), webchatId])
  if (prefix !== undefined) return prefix
  if (known.length === 1) return known[0]!
  const which = known.length === 0 ? 'no channel is configured; add one: openclaw channels add' : `name one of: ${known.join(', ')}`
  throw new GatewayError('INVALID_PARAMS', { message: `Channel is required (${which}).` })
}

/** `telegram:-100:topic:7`, `channel:123` and a bare id. */
export function chatOf (channel: string, to: string): { readonly to: string, readonly threadId?: string } {
  let id = to.trim()
  if (id.toLowerCase().startsWith(`${channel}:`)) id = id.slice(channel.length + 1)
  // Keys of conversations name topics themselves.
  if (channel === webchatId) return { to: id }
  const topic = /^(.+):topic:(\d+)$/.exec(id)
  if (topic) return { to: topic[1]!, threadId: topic[2]! }
  return { to: id.replace(/^(?:channel|chat|conversation):/, '') }
}

const tooLong = (text: string | undefined): boolean => text !== undefined && text.length > maxIdChars

/** Undefined while the configuration names none such. */
export async function findAccount (channels: Channels, channel: string, accountId?: string): Promise<ChannelAccount | undefined> {
  const known = channels.find(channel, accountId)
  if (known) return known
  // The room may have been opened a moment ago.
  await channels.settled()
  return channels.find(channel, accountId)
}

/** The reason why there is no such account, as the room knows it. */
function unknown (channels: Channels, channel: string, accountId?: string): GatewayError {
  const { problem } = channels.problems().find(one => one.channel === channel && (accountId ?? one.accountId) === one.accountId) ?? {}
  const has = channel === webchatId || channels.status().some(({ entry }) => entry.channel === channel)
  const missing = has ? `channel ${channel} has no account ${String(accountId).slice(0, 100)}` : `unsupported channel: ${channel.slice(0, 100)}`
  return new GatewayError('CHANNEL_UNKNOWN', { message: problem ?? missing })
}

export interface Found {
  readonly place: MessagePlace
  readonly account: ChannelAccount
}

export async function placeOf (address: MessageAddress, channels: Channels, config: Config): Promise<Found> {
  const channel = channelOf(address, config)
  const accountId = address.accountId?.trim() || undefined
  const account = await findAccount(channels, channel, accountId)
  if (!account) throw unknown(channels, channel, accountId)
  const { to: named, threadId } = chatOf(channel, address.to ?? '')
  if (named === '') throw new GatewayError('INVALID_PARAMS', { message: 'Target is required: the id of a chat, or of a person.' })
  const thread = address.threadId?.trim() || threadId
  if (tooLong(named) || tooLong(thread)) throw new GatewayError('INVALID_PARAMS', { message: `a target has at most ${maxIdChars} characters` })
  const to = account.properly?.(named) ?? named
  return { account, place: { channel, accountId: account.entry.accountId, to, ...(thread === undefined ? {} : { threadId: thread }) } }
}
