import { addressGroup } from '../lib/net-address.ts'
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
  /** The last connection of every connected node, by its device. */
  connectedNodes (): ReadonlyMap<string, Connection>
}

export interface ConnectionLimits {
  /** Sockets that have not connected yet, for one client address and for all. */
  preauthPerAddress: number
  preauthTotal: number
}

export function createConnections (limits: () => ConnectionLimits, onEvicted: (connection: Connection) => void): Connections {
  const connected = new Map<string, Connection>()
  const introducing = new Map<string, Connection>()
  /** Those who introduce themselves, by where they come from: whoever has one IPv6 address has a whole /64 of them. */
  const groups = new Map<string, Set<Connection>>()

  function joinGroup (connection: Connection): void {
    const name = addressGroup(connection.ingress.clientAddress)
    const group = groups.get(name) ?? new Set()
    if (group.size >= limits().preauthPerAddress) makeRoom(group)
    if (introducing.size >= limits().preauthTotal) makeRoom(introducing.values())
    groups.set(name, group.add(connection))
  }

  function leaveIntroduction (connection: Connection): void {
    if (!introducing.delete(connection.id)) return
    const name = addressGroup(connection.ingress.clientAddress)
    const group = groups.get(name)
    group?.delete(connection)
    if (group?.size === 0) groups.delete(name)
  }

  /** Who was refused and lingers gives way first, then the oldest that has not said a word; whoever is being heard keeps his place. */
  function makeRoom (candidates: Iterable<Connection>): void {
    let silent: Connection | undefined
    let heard: Connection | undefined
    for (const candidate of candidates) {
      if (candidate.state === 'closing') return evict(candidate)
      if (candidate.state === 'challenged') silent ??= candidate
      else heard ??= candidate
    }
    const leaving = silent ?? heard
    if (leaving) evict(leaving)
  }

  function evict (connection: Connection): void {
    leaveIntroduction(connection)
    onEvicted(connection)
    connection.hangUp(closeCodes.policyViolation, 'too many unauthenticated sockets')
  }

  return {
    add (connection) {
      joinGroup(connection)
      introducing.set(connection.id, connection)
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
    },
    connectedNodes () {
      const nodes = new Map<string, Connection>()
      for (const connection of connected.values()) {
        const { caller } = connection
        if (caller?.role === 'node' && caller.deviceId) nodes.set(caller.deviceId, connection)
      }
      return nodes
    }
  }
}
