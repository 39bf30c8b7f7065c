/** Who may have commands carried out outside the sandbox. */
import { agentEntries } from '../../config/agent-entries.ts'
import type { Config } from '../../config/schema.ts'

export interface Sender {
  readonly channel: string
  readonly id: string
  readonly name?: string
  readonly username?: string
}

type Elevated = Config['tools']['elevated']
type Given = Partial<Elevated> | undefined

const fold = (text: string | undefined): string | undefined => text?.trim().toLowerCase().replace(/^@/, '')

function matches (entry: string, { id, name, username }: Sender): boolean {
  const [, kind = 'id', wanted = ''] = /^(?:(id|from|e164|name|username):)?(.*)$/s.exec(entry.trim()) ?? []
  const folded = fold(wanted)
  // "*" names nobody: only senders who are named may.
  if (!folded || folded === '*') return false
  const known = kind === 'name' ? name : kind === 'username' ? username : id
  return fold(known) === folded
}

function names (settings: Given, sender: Sender): boolean {
  const list: unknown = settings?.allowFrom?.[sender.channel]
  return Array.isArray(list) && list.some(entry => (typeof entry === 'string' || typeof entry === 'number') && matches(String(entry), sender))
}

/** Closed unless the sender is named for the channel, by all agents' settings and by those of the agent when it has any. */
export function mayElevate (config: Pick<Config, 'tools' | 'agents'>, agentId: string, sender: Sender | undefined): boolean {
  if (!sender?.channel || !sender.id) return false
  const shared = config.tools.elevated
  const own = agentEntries(config).find(({ id }) => id.toLowerCase() === agentId.toLowerCase())?.tools?.elevated as Given
  if (!shared.enabled || own?.enabled === false) return false
  return names(shared, sender) && (own?.allowFrom === undefined || names(own, sender))
}
