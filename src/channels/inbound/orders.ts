/** Messages that are orders to the gateway, and who may give them. */
import type { LoadedConfig } from '../../config/load.ts'
import type { InboundMessage } from '../define-channel.ts'
import type { AccountEntry } from '../entries.ts'
import { isNamed } from './access.ts'

export type Order =
  | { readonly kind: 'stop' }
  /** Begins anew; `rest` is the first message of the new conversation. */
  | { readonly kind: 'reset', readonly trigger: string, readonly rest: string }
  /** Something that no model is needed for. */
  | { readonly kind: 'question', readonly question: Question }

export type Question = 'status' | 'help' | 'whoami'

/** What may be asked, as the help lists it. */
export const questions: ReadonlyArray<{ readonly name: Question, readonly alias?: string, readonly description: string }> = [
  { name: 'status', description: 'Tells how this conversation is: its model, its length, its cost.' },
  { name: 'whoami', alias: 'id', description: 'Tells by which id you are known here.' },
  { name: 'help', alias: 'commands', description: 'Tells what can be asked for in this way.' }
]

export function questionOf (text: string): Order | undefined {
  const word = /^\/(\w{1,20})$/.exec(text.trim())?.[1]?.toLowerCase()
  const found = word === undefined ? undefined : questions.find(({ name, alias }) => name === word || alias === word)
  return found && { kind: 'question', question: found.name }
}

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
