/** Rules for the group a message came from and for who wrote it. */
import type { Config } from '../../config/schema.ts'
import type { PolicyQuestion, Sender } from '../policy.ts'
import { readScope, type Scope } from './scope.ts'

type Asking = Omit<PolicyQuestion, 'tool'>

export interface Placed {
  readonly scope: Scope
  readonly at: string
}

type Table = { readonly [key: string]: unknown }
const tableOf = (value: unknown): Table => typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Table : {}

/** Spellings of one person, the surest first. A bare key is an id. */
function keysOf ({ id, e164, username, name }: Sender, channel: string | undefined): string[] {
  return [
    ...(channel ? [`channel:${channel}:${id}`] : []),
    `id:${id}`,
    id,
    ...(e164 ? [`e164:${e164}`] : []),
    ...(username ? [`username:${username.replace(/^@/, '')}`] : []),
    ...(name ? [`name:${name}`] : [])
  ].map(key => key.toLowerCase())
}

/** The rule for this sender, or the one for everybody. Whoever holds the gateway and writes from no channel is nobody's guest. */
function bySender (value: unknown, { sender, channel, isOwner }: Asking, at: string): Placed | undefined {
  if (value === undefined || value === null || (!sender && isOwner)) return undefined
  if (typeof value !== 'object' || Array.isArray(value)) return { scope: { deny: ['*'] }, at }
  const rules = new Map(Object.entries(value).map(([key, rule]) => [key.toLowerCase().replace(/^username:@/, 'username:'), rule]))
  const found = [...(sender ? keysOf(sender, channel) : []), '*'].find(key => rules.has(key))
  return found === undefined ? undefined : { scope: readScope(rules.get(found)) ?? {}, at: `${at}["${found}"]` }
}

const placed = (value: unknown, at: string): Placed | undefined => {
  const scope = readScope(value)
  return scope && { scope, at }
}

/** The rules of the group that a message came from; the most specific stands. */
export function groupScope (config: Config, question: Asking): Placed | undefined {
  const { channel, group } = question
  if (!channel || !group) return undefined
  const groups = tableOf(tableOf(tableOf(config.channels)[channel]).groups)
  for (const id of [group, '*']) {
    const rules = tableOf(groups[id])
    const at = `channels.${channel}.groups["${id}"]`
    const found = bySender(rules.toolsBySender, question, `${at}.toolsBySender`) ?? placed(rules.tools, `${at}.tools`)
    if (found) return found
  }
  return undefined
}

/** The rules for whoever wrote; those of the agent replace the general ones. */
export function senderScope (config: Config, question: Asking, ofAgent: unknown): Placed | undefined {
  return bySender(ofAgent, question, `agents.entries.${question.agentId}.tools.toolsBySender`) ??
    bySender(config.tools.toolsBySender, question, 'tools.toolsBySender')
}
