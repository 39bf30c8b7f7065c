import { wireLimits } from '../protocol/version.ts'
import type { Connection } from './connection.ts'

export interface KeepaliveOptions {
  readonly now: () => number
  readonly handshakeTimeoutMs: () => number
  readonly keepaliveIntervalMs?: number
  readonly closeGraceMs?: number
  readonly onHandshakeTimeout: (connection: Connection) => void
}

export interface Keepalive {
  watch (connection: Connection): void
  forget (connection: Connection): void
  stop (): void
}

/** One timer for every socket: handshakes that take too long, peers that no longer answer, sockets that do not finish closing. */
export function createKeepalive (options: KeepaliveOptions): Keepalive {
  const { now, keepaliveIntervalMs = wireLimits.keepaliveIntervalMs, closeGraceMs = wireLimits.closeGraceMs } = options
  const watched = new Set<Connection>()
  let timer: NodeJS.Timeout | undefined

  function check (connection: Connection, at: number): void {
    if (connection.state === 'closing') {
      connection.closingSinceMs ||= at
      if (at - connection.closingSinceMs >= closeGraceMs) connection.socket.terminate()
    } else if (connection.state !== 'connected') {
      if (at - connection.acceptedAtMs >= options.handshakeTimeoutMs()) options.onHandshakeTimeout(connection)
    } else if (connection.pingSentAtMs > connection.lastHeardAtMs) {
      if (at - connection.pingSentAtMs >= keepaliveIntervalMs) connection.socket.terminate()
    } else if (at - connection.lastHeardAtMs >= keepaliveIntervalMs) {
      connection.pingSentAtMs = at
      connection.socket.ping()
    }
  }

  function sweep (): void {
    const at = now()
    for (const connection of watched) check(connection, at)
  }

  return {
    watch (connection) {
      watched.add(connection)
      timer ??= setInterval(sweep, Math.min(250, closeGraceMs / 4, keepaliveIntervalMs / 4)).unref()
    },
    forget (connection) {
      watched.delete(connection)
      if (watched.size > 0) return
      clearInterval(timer)
      timer = undefined
    },
    stop () {
      clearInterval(timer)
      timer = undefined
      watched.clear()
    }
  }
}
