/** Messages that are orders to the gateway, and who may give them. */
import type { LoadedConfig } from '../../config/load.ts'
import type { InboundMessage } from '../define-channel.ts'
import type { AccountEntry } from '../entries.ts'
import { isNamed } from './access.ts'

export type Order =
  | { readonly kind: 'stop' }
  /** Begins anew; `rest` is the first message of the new conversation. */
  | { readonly kind: 'reset', readonly trigger: string, readonly rest: string }

const listOf = (value: unknown): readonly string[] => Array.isArray(value) ? value.map(String) : []

/** In a group somebody has to know the sender: an order there concerns everybody's conversation. */
export function mayOrder (
  entry: AccountEntry, { chat, sender }: InboundMessage, { commands }: LoadedConfig['config'], who: { isOwner: boolean, isNamed: boolean }
): boolean {
  if (!commands.text) return false
  const allowFrom = commands.allowFrom as { readonly [channel: string]: unknown }
  const own = allowFrom[entry.channel] ?? allowFrom['*']
  if (own !== undefined) return who.isOwner || listOf(own).includes('*') || isNamed(listOf(own), entry.channel, sender)
  if (chat.kind === 'direct' || who.isOwner || who.isNamed) return true
  return isNamed([...listOf(entry.config.allowFrom), ...listOf(entry.config.groupAllowFrom)], entry.channel, sender)
}
