/** The chat that a reply to a hook goes to, beside its conversation. */
import type { Address, Places } from '../places.ts'
import type { Addressee } from './addressee.ts'
import { BadCall, type AgentCall } from './calls.ts'

/** Asked for in vain where that agent was not heard of yet: the reply stays in the conversation. */
export async function replyPlace (
  { deliver }: AgentCall, { agentId, sessionKey }: Addressee, load: () => Promise<Places>
): Promise<Address | undefined> {
  if (!deliver) return undefined
  const places = await load()
  // Nobody is heard of in a conversation that is made for one call.
  const home = sessionKey.startsWith(`agent:${agentId}:hook:`) ? `agent:${agentId}:main` : sessionKey
  const found = places.wantedOf(deliver, home)
  if ('wanted' in found) return await places.address(found.wanted)
  if (deliver.channel === undefined || deliver.channel === 'last') return undefined
  throw new BadCall(found.problem)
}
