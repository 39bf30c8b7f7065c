/** The room as a program with an API key finds it: what it may not see is not there, whoever asks for it and however it is named. */
import type { CallerKey } from '../auth/keys/caller-key.ts'
import { GatewayError } from '../protocol/errors.ts'
import { maxKeyLength, resolveKey, type KeyRules } from './keys.ts'
import { hiddenPath } from './listing.ts'
import { maySee, ownerOfKey, ownKey } from './ownership.ts'
import type { SessionRecord } from './record.ts'
import type { SessionTarget } from './room.ts'
import type { SessionsRoom } from './sessions.ts'

export function agentNotAllowed ({ name, agents }: CallerKey, agentId: string): GatewayError {
  const shown = agentId.slice(0, 64)
  return new GatewayError('KEY_NOT_ALLOWED', {
    message: `API key "${name}" may not use agent "${shown}"`, details: { agentId: shown, agents: [...agents ?? []] }
  })
}

/** Which agents there are for this key. One that it may not use is refused by name, whether it exists or not. */
function rulesFor (key: CallerKey, rules: KeyRules, hasAgent: KeyRules['hasAgent']): KeyRules {
  const { agents } = key
  if (!agents) return { ...rules, hasAgent }
  const first = [...agents].find(rules.hasAgent) ?? [...agents][0]!
  return {
    ...rules,
    hasAgent (agentId) {
      if (!agents.has(agentId)) throw agentNotAllowed(key, agentId)
      return hasAgent(agentId)
    },
    defaultAgentId: () => agents.has(rules.defaultAgentId()) ? rules.defaultAgentId() : first,
    mustName: () => agents.size > 1 && rules.mustName()
  }
}

const unknown = (name: string): GatewayError =>
  new GatewayError('SESSION_UNKNOWN', { message: `session not found: ${name}`, details: { key: name } })

export function createOwnView (room: SessionsRoom, key: CallerKey, rules: KeyRules): SessionsRoom {
  const viewer = { key }
  const mayRead = (record: SessionRecord): boolean => maySee(viewer, record)
  const seen = (record: SessionRecord | undefined): SessionRecord | undefined => record && mayRead(record) ? record : undefined
  const get = (sessionKey: string): SessionRecord | undefined => seen(room.get(sessionKey))

  /** Its own conversation of that name; one that it may see by its full key, too. */
  function owned (target: SessionTarget): SessionTarget {
    if (!key.ownSessionsOnly || get(target.key)) return target
    const own = ownKey(target.key, key.id)
    if (ownerOfKey(target.key) !== undefined && own !== target.key) throw unknown(target.name)
    if (own.length > maxKeyLength) {
      throw new GatewayError('INVALID_PARAMS', { message: `invalid sessionKey: longer than ${maxKeyLength + target.key.length - own.length} characters` })
    }
    return { ...target, key: own }
  }

  function guarded (sessionKey: string): string {
    const record = room.get(sessionKey)
    if (record ? !mayRead(record) : key.ownSessionsOnly && ownKey(sessionKey, key.id) !== sessionKey) throw unknown(sessionKey)
    return sessionKey
  }

  return {
    ...room,
    get ready () { return room.ready },
    path: () => hiddenPath,
    target: (name, agentId) => owned(resolveKey(name, agentId, rulesFor(key, rules, rules.hasAgent))),
    locate: (name, agentId) => owned(resolveKey(name, agentId, rulesFor(key, rules, /^\s*agent:/i.test(name) ? () => true : rules.hasAgent))),
    get,
    byId: sessionId => seen(room.byId(sessionId)),
    * records () {
      for (const record of room.records()) if (mayRead(record)) yield record
    },
    list: query => room.list({ ...query, mayRead }),
    describe: (sessionKey, query) => get(sessionKey) && room.describe(sessionKey, query),
    row: sessionKey => get(sessionKey) && room.row(sessionKey),
    search: query => room.search({ ...query, mayRead: record => mayRead(record) && query.mayRead?.(record) !== false }),
    usage: {
      ...room.usage,
      summary: query => room.usage.summary({ ...query, mayRead }),
      daily: query => room.usage.daily({ ...query, mayRead })
    },
    write: async (sessionKey, write) => await room.write(guarded(sessionKey), write),
    context: async sessionKey => await room.context(guarded(sessionKey)),
    rollOver: async sessionKey => await room.rollOver(guarded(sessionKey)),
    lines: {
      tail: async (sessionKey, page) => await room.lines.tail(guarded(sessionKey), page),
      after: async (sessionKey, page) => await room.lines.after(guarded(sessionKey), page),
      find: async (sessionKey, id, sessionId) => await room.lines.find(guarded(sessionKey), id, sessionId),
      extent: async sessionKey => await room.lines.extent(guarded(sessionKey))
    },
    count: () => [...room.records()].filter(mayRead).length
  }
}
