/** Who may have commands carried out outside the sandbox. */
import { agentEntries } from '../../config/agent-entries.ts'
import type { Config } from '../../config/schema.ts'
import type { ChannelSender } from '../tool.ts'

type Elevated = Config['tools']['elevated']
type Given = Partial<Elevated> | undefined

const fold = (text: string | undefined): string | undefined => text?.trim().toLowerCase().replace(/^@/, '')

/** A name that somebody chose for themselves counts only where an entry says that it may. */
function matches (entry: string, { id, e164 = id, name, username }: ChannelSender): boolean {
  const [, kind = 'id', wanted = ''] = /^(?:(id|from|e164|name|username):)?(.*)$/s.exec(entry.trim()) ?? []
  const folded = fold(wanted)
  // "*" names nobody: only senders who are named may.
  if (!folded || folded === '*') return false
  if (kind === 'name') return fold(name) === folded
  if (kind === 'username') return fold(username) === folded
  return fold(kind === 'e164' ? e164 : id) === folded
}

function names (settings: Given, sender: ChannelSender): boolean {
  const list: unknown = settings?.allowFrom?.[sender.channel]
  return Array.isArray(list) && list.some(entry => (typeof entry === 'string' || typeof entry === 'number') && matches(String(entry), sender))
}

/** Closed unless the sender is named for the channel, by all agents' settings and by those of the agent when it has any. */
export function mayElevate (config: Pick<Config, 'tools' | 'agents'>, agentId: string, sender: ChannelSender | undefined): boolean {
  if (!sender?.channel || !sender.id) return false
  const shared = config.tools.elevated
  const own = agentEntries(config).find(({ id }) => id.toLowerCase() === agentId.toLowerCase())?.tools?.elevated as Given
  if (!shared.enabled || own?.enabled === false) return false
  return names(shared, sender) && (own?.allowFrom === undefined || names(own, sender))
}
