import { CommandFailure } from './failure.ts'
import type { GatewayClient } from './gateway-client.ts'
import { required } from './with-gateway.ts'

interface Resolved { ok: boolean, key?: string, candidates?: Array<{ key: string }> }

/** The key of the session that was typed: its key, another name of it, its id, or its label. */
export async function sessionKeyOf (client: GatewayClient, typed: string | undefined): Promise<string> {
  const name = required(typed, 'key')
  const byKey = await client.request('sessions.resolve', { key: name, allowMissing: true }) as Resolved
  if (byKey.key) return byKey.key
  const byLabel = await client.request('sessions.resolve', { label: name.slice(0, 512), allowMissing: true }) as Resolved
  if (byLabel.key) return byLabel.key
  const candidates = byLabel.candidates?.map(({ key }) => key)
  if (candidates) throw new CommandFailure(`several sessions are called ${name}: ${candidates.join(', ')}`, 'session_ambiguous', { candidates })
  throw new CommandFailure(`session not found: ${name}\nList what there is: openclaw sessions list`, 'session_not_found', { sessionKey: name })
}
