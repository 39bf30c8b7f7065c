/** From what a caller calls a conversation to the one that is meant, if it may be reached. */
import { isGatewayError } from '../../protocol/errors.ts'
import type { SessionRecord } from '../../sessions/record.ts'
import { ToolRefusal } from '../invocation.ts'
import type { ToolContext } from '../tool.ts'
import type { SessionToolSources } from './ports.ts'
import { viewOf } from './visibility.ts'

export interface Found {
  readonly key: string
  readonly agentId: string
  /** Absent: nothing was said in it yet. */
  readonly record: SessionRecord | undefined
  /** Why it may not be reached. */
  readonly refusal: string | undefined
}

type Sources = Pick<SessionToolSources, 'config' | 'sessions'>

/** The key that a name stands for. Throws ToolRefusal for what can be no name of a conversation. */
function keyOf (name: string, { sessionKey, agentId }: ToolContext, { sessions }: Sources): { key: string, agentId: string } {
  if (name === 'current') return { key: sessionKey, agentId }
  const byId = sessions.byId(name)
  if (byId) return { key: byId.key, agentId: byId.agentId }
  // A plain name is one of the own agent; "iris-main" is the main conversation of iris.
  const hasAgent = /^agent:/i.test(name) || /-main$/i.test(name)
  try {
    return sessions.target(name, hasAgent ? undefined : agentId)
  } catch (error) {
    if (isGatewayError(error)) throw new ToolRefusal(`${error.message}. sessions_list shows the keys that there are.`)
    throw error
  }
}

export async function find (name: string, context: ToolContext, sources: Sources): Promise<Found> {
  await sources.sessions.ready
  const { key, agentId } = keyOf(name.trim(), context, sources)
  const record = sources.sessions.get(key)
  const refusal = viewOf(context, sources).refusal(key)
  // One that leaves no trace is not there for others.
  if (refusal !== undefined && record?.incognito) return { key, agentId, record: undefined, refusal: undefined }
  return { key, agentId, record, refusal }
}

/** Nobody learns from a refusal whether there is such a conversation. */
export const unknownSession = (name: string): string => `No session found: ${name.slice(0, 200)}. sessions_list shows what can be reached.`
