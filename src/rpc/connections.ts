import { closeCodes } from '../protocol/close-codes.ts'
import type { Connection } from './connection.ts'

/** Everybody who has a socket open: those still introducing themselves and those who are in. */
export interface Connections {
  add (connection: Connection): void
  remove (connection: Connection): void
  /** Moves it from those who introduce themselves to those who are in. */
  admit (connection: Connection): void
  get (id: string): Connection | undefined
  connected (): IterableIterator<Connection>
  introducing (): IterableIterator<Connection>
  all (): Connection[]
  counts (): { connected: number, introducing: number }
  connectedDeviceIds (): ReadonlySet<string>
}

export interface ConnectionLimits {
  /** Sockets that have not connected yet, for one client address and for all. */
  preauthPerAddress: number
  preauthTotal: number
}

export function createConnections (limits: () => ConnectionLimits, onEvicted: (connection: Connection) => void): Connections {
  const connected = new Map<string, Connection>()
  const introducing = new Map<string, Connection>()
  const perAddress = new Map<string, number>()

  const groupOf = (connection: Connection): string => connection.ingress.clientAddress

  function count (group: string, change: 1 | -1): void {
    const next = (perAddress.get(group) ?? 0) + change
    if (next > 0) perAddress.set(group, next)
    else perAddress.delete(group)
  }

  function leaveIntroduction (connection: Connection): void {
    if (introducing.delete(connection.id)) count(groupOf(connection), -1)
  }

  /** The oldest one that has not said a word gives way to the newcomer; whoever is being heard keeps his place. */
  function evictOldestSilent (matches: (connection: Connection) => boolean): void {
    let fallback: Connection | undefined
    for (const candidate of introducing.values()) {
      if (!matches(candidate)) continue
      fallback ??= candidate
      if (candidate.state === 'challenged') return evict(candidate)
    }
    if (fallback) evict(fallback)
  }

  function evict (connection: Connection): void {
    leaveIntroduction(connection)
    onEvicted(connection)
    connection.close(closeCodes.policyViolation, 'too many unauthenticated sockets')
  }

  return {
    add (connection) {
      const group = groupOf(connection)
      if ((perAddress.get(group) ?? 0) >= limits().preauthPerAddress) evictOldestSilent(other => groupOf(other) === group)
      if (introducing.size >= limits().preauthTotal) evictOldestSilent(() => true)
      introducing.set(connection.id, connection)
      count(group, 1)
    },
    remove (connection) {
      leaveIntroduction(connection)
      connected.delete(connection.id)
    },
    admit (connection) {
      leaveIntroduction(connection)
      connected.set(connection.id, connection)
    },
    get: id => connected.get(id) ?? introducing.get(id),
    connected: () => connected.values(),
    introducing: () => introducing.values(),
    all: () => [...connected.values(), ...introducing.values()],
    counts: () => ({ connected: connected.size, introducing: introducing.size }),
    connectedDeviceIds () {
      const ids = new Set<string>()
      for (const connection of connected.values()) if (connection.caller?.deviceId) ids.add(connection.caller.deviceId)
      return ids
    }
  }
}
