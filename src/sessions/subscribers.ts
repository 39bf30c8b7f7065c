/** Which connections asked for what. What belongs to a connection goes with it. */
import { GatewayError } from '../protocol/errors.ts'

/** Sessions that one connection may follow at a time. */
export const maxFollowed = 256

export interface Subscribers {
  ofMessages (key: string): readonly string[]
  ofChanges (): readonly string[]
  hears (connectionId: string, key: string): boolean
  followChanges (connectionId: string): void
  followMessages (connectionId: string, key: string): void
  unfollowMessages (connectionId: string, key: string): void
  /** Sessions that a connection shows just now; replaces what it said before. */
  view (connectionId: string, keys: readonly string[]): void
  viewers (key: string): readonly string[]
  forget (connectionId: string): void
  stats (): { connections: number, messages: number }
}

interface Interest {
  changes: boolean
  readonly messages: Set<string>
  viewed: readonly string[]
}

/** Connection ids by what they follow; an answer is built once and stays until somebody comes or goes. */
function createAudiences () {
  const members = new Map<string, Set<string>>()
  const lists = new Map<string, readonly string[]>()
  return {
    join (name: string, connectionId: string) {
      const known = members.get(name)
      if (known) known.add(connectionId)
      else members.set(name, new Set([connectionId]))
      lists.delete(name)
    },
    leave (name: string, connectionId: string) {
      const known = members.get(name)
      if (!known?.delete(connectionId)) return
      if (known.size === 0) members.delete(name)
      lists.delete(name)
    },
    of (name: string): readonly string[] {
      const known = members.get(name)
      if (!known) return []
      let list = lists.get(name)
      if (!list) lists.set(name, list = [...known])
      return list
    }
  }
}

export function createSubscribers (): Subscribers {
  const interests = new Map<string, Interest>()
  const messages = createAudiences()
  const views = createAudiences()
  const changes = createAudiences()

  function interestOf (connectionId: string): Interest {
    const known = interests.get(connectionId)
    if (known) return known
    const created: Interest = { changes: false, messages: new Set(), viewed: [] }
    interests.set(connectionId, created)
    return created
  }

  return {
    ofMessages: key => messages.of(key),
    ofChanges: () => changes.of('all'),
    hears: (connectionId, key) => interests.get(connectionId)?.messages.has(key) ?? false,
    followChanges (connectionId) {
      interestOf(connectionId).changes = true
      changes.join('all', connectionId)
    },
    followMessages (connectionId, key) {
      const interest = interestOf(connectionId)
      if (interest.messages.has(key)) return
      if (interest.messages.size >= maxFollowed) {
        throw new GatewayError('BUSY', { message: `this connection follows ${maxFollowed} sessions already; unsubscribe from one first` })
      }
      interest.messages.add(key)
      messages.join(key, connectionId)
    },
    unfollowMessages (connectionId, key) {
      interests.get(connectionId)?.messages.delete(key)
      messages.leave(key, connectionId)
    },
    view (connectionId, keys) {
      const interest = interestOf(connectionId)
      for (const key of interest.viewed) views.leave(key, connectionId)
      for (const key of keys) views.join(key, connectionId)
      interest.viewed = keys
    },
    viewers: key => views.of(key),
    forget (connectionId) {
      const interest = interests.get(connectionId)
      if (!interest) return
      interests.delete(connectionId)
      changes.leave('all', connectionId)
      for (const key of interest.messages) messages.leave(key, connectionId)
      for (const key of interest.viewed) views.leave(key, connectionId)
    },
    stats () {
      let followed = 0
      for (const interest of interests.values()) followed += interest.messages.size
      return { connections: interests.size, messages: followed }
    }
  }
}
