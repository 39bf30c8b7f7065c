import { closeCodes } from '../protocol/close-codes.ts'
import { eventTable, type EventName, type EventRow } from '../protocol/events.ts'
import { wireLimits } from '../protocol/version.ts'
import type { Caller } from '../auth/caller.ts'
import type { EventSeries, GatewayEvent } from '../events/bus.ts'
import { isConfined } from '../sessions/ownership.ts'
import type { Connection } from './connection.ts'
import type { Connections } from './connections.ts'

export interface FanOut {
  deliver (event: GatewayEvent): void
  stats (): { delivered: number, dropped: number, cut: number }
}

export interface FanOutOptions {
  readonly connections: Connections
  readonly maxBufferedBytes?: number
  /** Beyond it a client is spared the events of a series: the next one that fits carries all of them. */
  readonly lagBytes?: number
  readonly onSlow: (connection: Connection, bufferedBytes: number) => void
  /** Does this connection follow the session? */
  readonly follows?: (connectionId: string, sessionKey: string) => boolean
  /** Who does not see every conversation hears of those that it may see. Absent: of none. */
  readonly maySee?: (caller: Caller, sessionKey: string) => boolean
}

/** Series that a client may be behind in at the same time. */
const maxMissed = 256
/** Says nothing of anybody. */
const forEveryKey: ReadonlySet<EventName> = new Set<EventName>(['tick', 'shutdown'])

/** Which conversation this is about; undefined: about the gateway as a whole. */
function sessionOf ({ sessionKey, payload }: GatewayEvent): string | undefined {
  const named = sessionKey ?? (payload as { sessionKey?: unknown } | undefined)?.sessionKey
  return typeof named === 'string' ? named : undefined
}

const scopedCap = 'session-scoped-events'

/** Nobody hears of anything before hello-ok has gone out. */
const isHeard = ({ caller, state }: Connection): boolean => caller !== undefined && state === 'connected'

function maySee (row: EventRow, connection: Connection): boolean {
  const { caller } = connection
  if (!caller || !isHeard(connection)) return false
  if (row.operatorsOnly && caller.role !== 'operator') return false
  return row.scope === 'public' || (row.scope !== 'target' && caller.allows.has(row.scope))
}

/** Writes an event once and hands it to all who may see it. A client that does not keep up loses droppable events, then its connection. */
export function createFanOut (options: FanOutOptions): FanOut {
  const { connections, maxBufferedBytes = wireLimits.maxBufferedBytes, lagBytes = 1_048_576, onSlow, follows = () => false } = options
  const counts = { delivered: 0, dropped: 0, cut: 0 }

  function isConcerned (connection: Connection, { sessionKey, needsCap, ownerConnectionId }: GatewayEvent): boolean {
    if (sessionKey === undefined) return true
    const isOwn = ownerConnectionId === connection.id
    if (needsCap !== undefined) return connection.caps.has(needsCap) && (isOwn || follows(connection.id, sessionKey))
    return !connection.caps.has(scopedCap) || isOwn || follows(connection.id, sessionKey)
  }

  /** An API key hears of what is its own, and of nothing that it cannot be told from what is not. */
  function isKeptFrom ({ caller }: Connection, occurrence: GatewayEvent): boolean {
    if (!caller || !isConfined(caller.key) || forEveryKey.has(occurrence.event)) return false
    const sessionKey = sessionOf(occurrence)
    return sessionKey === undefined || options.maySee?.(caller, sessionKey) !== true
  }

  function send (connection: Connection, row: EventRow, head: string): void {
    const bufferedBytes = connection.socket.bufferedAmount
    if (bufferedBytes <= maxBufferedBytes) {
      connection.sendEvent(head)
      counts.delivered++
    } else if (row.droppable) {
      counts.dropped++
    } else {
      counts.cut++
      onSlow(connection, bufferedBytes)
      connection.close(closeCodes.policyViolation, 'slow consumer')
    }
  }

  /** True when the client lags and is spared this one. */
  function isSpared (connection: Connection, { id }: EventSeries): boolean {
    if (connection.socket.bufferedAmount <= lagBytes) return false
    const missed = connection.missed ??= new Set()
    if (missed.size >= maxMissed) missed.delete(missed.values().next().value!)
    missed.add(id)
    counts.dropped++
    return true
  }

  return {
    deliver (occurrence) {
      const { event, payload, stateVersion, connectionIds, series } = occurrence
      const row = eventTable[event]
      const headOf = (body: unknown): string => JSON.stringify({ type: 'event', event, payload: body, ...(stateVersion ? { stateVersion } : {}) }).slice(0, -1)
      let head: string | undefined
      let wholeHead: string | undefined
      const targets = connectionIds
        ? connectionIds.map(id => connections.get(id)).filter(connection => connection !== undefined)
        : connections.connected()
      for (const connection of targets) {
        if (connectionIds ? !isHeard(connection) : !maySee(row, connection)) continue
        if (!isConcerned(connection, occurrence) || isKeptFrom(connection, occurrence)) continue
        if (series && isSpared(connection, series)) continue
        if (series && connection.missed?.delete(series.id)) send(connection, row, wholeHead ??= headOf(series.whole()))
        else send(connection, row, head ??= headOf(payload))
      }
    },
    stats: () => ({ ...counts })
  }
}
