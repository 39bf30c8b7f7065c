/** What there is for programs whose API key sees its own conversations only, or some agents. */
import { createOwnRuns } from '../agent/own-runs.ts'
import type { Roster } from '../agent/roster/roster.ts'
import type { CallerKey } from '../auth/keys/caller-key.ts'
import type { OwnRights } from '../rpc/dispatch.ts'
import { agentNotAllowed } from '../sessions/own-view.ts'
import { isConfined, maySeeKey } from '../sessions/ownership.ts'
import type { methods } from './index.ts'
import type { Rooms } from './rooms.ts'

/**
 * Methods in which nothing of one key shows to another: they work on the rooms below, or tell nothing of anybody. Whatever is not
 * named here is closed to such keys.
 */
const apart: ReadonlySet<string> = new Set<keyof typeof methods>([
  'health', 'gateway.identity.get', 'agents.list', 'agent.identity.get', 'models.list', 'commands.list', 'tools.catalog', 'tools.effective',
  'tools.invoke', 'agent', 'agent.wait', 'chat.send', 'chat.abort', 'chat.history', 'chat.startup', 'chat.message.get', 'chat.metadata',
  'sessions.list', 'sessions.subscribe', 'sessions.messages.subscribe', 'sessions.messages.unsubscribe',
  'sessions.describe', 'sessions.get', 'sessions.resolve', 'sessions.preview', 'sessions.search', 'sessions.branches.list',
  'sessions.observer.visibility', 'sessions.viewers.set', 'sessions.create', 'sessions.patch', 'sessions.patchMany', 'sessions.delete',
  'sessions.send', 'sessions.steer', 'sessions.abort', 'sessions.usage', 'sessions.usage.timeseries', 'sessions.usage.logs', 'usage.cost'
])

/** The agents that a key may use. */
function ownRoster (roster: Roster, key: CallerKey): Roster {
  const { agents } = key
  if (!agents) return roster
  const list = () => roster.list().filter(({ id }) => agents.has(id.toLowerCase()))
  return {
    ...roster,
    list,
    get (agentId) {
      if (agentId !== undefined && !agents.has(agentId.toLowerCase())) throw agentNotAllowed(key, agentId)
      const [first] = list()
      return roster.get(agentId ?? (list().find(({ isDefault }) => isDefault) ?? first)?.id ?? [...agents][0])
    }
  }
}

function ownRooms (rooms: Rooms, key: CallerKey): Rooms {
  const sessions = rooms.sessions.as({ key })
  const { agents } = key
  return {
    ...rooms,
    sessions,
    runs: createOwnRuns(rooms.runs, key, sessionKey => maySeeKey({ key }, sessionKey, rooms.sessions.get)),
    agents: () => rooms.agents().filter(({ agentId }) => !agents || agents.has(agentId.toLowerCase())),
    roster: ownRoster(rooms.roster, key)
  }
}

export function createOwnRights (): OwnRights<Rooms> {
  const known = new WeakMap<CallerKey, Rooms>()
  return {
    keepsKeysApart: method => apart.has(method),
    roomsFor (rooms, { key }) {
      if (!isConfined(key)) return rooms
      const own = known.get(key) ?? ownRooms(rooms, key)
      known.set(key, own)
      return own
    }
  }
}
