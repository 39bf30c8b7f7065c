/** Which sessions a client may mean. */
import { GatewayError } from '../protocol/errors.ts'
import { checkSessionId } from '../sessions/keys.ts'
import type { SessionRecord } from '../sessions/record.ts'
import type { SessionsRoom } from '../sessions/sessions.ts'

export interface ResolveParams {
  readonly key?: string
  readonly sessionId?: string
  readonly label?: string
  readonly shortId?: string
  readonly slugHint?: string
  readonly agentId?: string
  readonly spawnedBy?: string
}

/** Everything that fits what was asked for; the key alone is never ambiguous. */
export function candidates (sessions: SessionsRoom, params: ResolveParams): SessionRecord[] {
  const { sessionId, label, shortId, agentId, spawnedBy } = params
  if (params.key !== undefined) {
    const record = sessions.get(sessions.locate(params.key, agentId).key) ?? sessions.byId(params.key)
    return record ? [record] : []
  }
  if (sessionId !== undefined) {
    const record = sessions.byId(checkSessionId(sessionId))
    return record ? [record] : []
  }
  const short = shortId === undefined ? undefined : bare(shortId)
  if (label === undefined && short === undefined) throw new GatewayError('INVALID_PARAMS', { message: 'name a session by key, sessionId, label or shortId' })
  const found: SessionRecord[] = []
  for (const record of sessions.records()) {
    const fits = (label === undefined || record.label === label) &&
      (short === undefined || bare(record.sessionId).startsWith(short) || bare(lastPart(record.key)).startsWith(short))
    if (fits) found.push(record)
  }
  return found.filter(record => (agentId === undefined || record.agentId === agentId.toLowerCase()) &&
    (spawnedBy === undefined || record.spawnedBy === spawnedBy || record.parentSessionKey === spawnedBy))
}

/** Addresses of pages name a session without the hyphens of its UUID. */
const bare = (id: string): string => id.toLowerCase().replaceAll('-', '')
const lastPart = (sessionKey: string): string => sessionKey.slice(sessionKey.lastIndexOf(':') + 1)

export const candidate = ({ key, agentId, displayName, label }: SessionRecord) =>
  ({ key, agentId, ...(displayName ?? label ? { displayName: displayName ?? label } : {}) })
