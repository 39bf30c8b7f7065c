import { closeCodes } from '../protocol/close-codes.ts'
import { eventTable, type EventRow } from '../protocol/events.ts'
import { wireLimits } from '../protocol/version.ts'
import type { GatewayEvent } from '../events/bus.ts'
import type { Connection } from './connection.ts'
import type { Connections } from './connections.ts'

export interface FanOut {
  deliver (event: GatewayEvent): void
  stats (): { delivered: number, dropped: number, cut: number }
}

const isHeard = ({ caller, state }: Connection): boolean => caller !== undefined && state !== 'closing'

function maySee (row: EventRow, connection: Connection): boolean {
  const { caller } = connection
  if (!caller || !isHeard(connection)) return false
  if (row.operatorsOnly && caller.role !== 'operator') return false
  return row.scope === 'public' || (row.scope !== 'target' && caller.allows.has(row.scope))
}

/** Writes an event once and hands it to all who may see it. A client that does not keep up loses droppable events, then its connection. */
export function createFanOut ({ connections, maxBufferedBytes = wireLimits.maxBufferedBytes, onSlow }: {
  connections: Connections
  maxBufferedBytes?: number
  onSlow: (connection: Connection, bufferedBytes: number) => void
}): FanOut {
  const counts = { delivered: 0, dropped: 0, cut: 0 }

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

  return {
    deliver ({ event, payload, stateVersion, connectionIds }) {
      const row = eventTable[event]
      let head: string | undefined
      const targets = connectionIds
        ? connectionIds.map(id => connections.get(id)).filter(connection => connection !== undefined)
        : connections.connected()
      for (const connection of targets) {
        if (connectionIds ? !isHeard(connection) : !maySee(row, connection)) continue
        head ??= JSON.stringify({ type: 'event', event, payload, ...(stateVersion ? { stateVersion } : {}) }).slice(0, -1)
        send(connection, row, head)
      }
    },
    stats: () => ({ ...counts })
  }
}
