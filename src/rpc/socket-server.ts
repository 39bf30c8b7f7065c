import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { RawData, WebSocket } from 'ws'
import type { Ingress } from '../auth/ingress.ts'
import { closeCodes } from '../protocol/close-codes.ts'
import { wireLimits } from '../protocol/version.ts'
import { Connection } from './connection.ts'
import type { Connections } from './connections.ts'
import type { Keepalive } from './keepalive.ts'

export interface SocketServerOptions {
  readonly now: () => number
  readonly steady: () => number
  readonly connections: Connections
  readonly keepalive: Keepalive
  readonly handshake: (connection: Connection, text: string, headers: IncomingHttpHeaders) => Promise<void>
  readonly receive: (connection: Connection, text: string) => void
  readonly onEnded: (connection: Connection, code: number, reason: string) => void
}

export interface SocketServer {
  accept (socket: WebSocket, raw: Socket, ingress: Ingress, headers: IncomingHttpHeaders): void
}

/** A masked client frame of 64 KiB needs fourteen bytes of header. */
const maxPreauthBytes = wireLimits.preauthBytes + 14
/** Requests may be sent right behind `connect`; this is what may wait while it is decided. */
const maxPreauthBytesWhileConnecting = maxPreauthBytes * 4

const textOf = (data: RawData): string =>
  Array.isArray(data) ? Buffer.concat(data).toString() : data instanceof ArrayBuffer ? Buffer.from(data).toString() : data.toString()

/** What a socket needs besides its connection until it has introduced itself. Dropped afterwards, so that idle clients stay small. */
interface Introduction {
  readonly headers: IncomingHttpHeaders
  readonly raw: Socket
  readonly countBytes: (chunk: Buffer) => void
}

/**
 * The upgrade is over: without this its request, its response and everything that HTTP hung on them would live as long as the
 * socket, which is three times what an idle client needs.
 */
function releaseRequest (socket: WebSocket, raw: Socket): void {
  socket.removeAllListeners('error')
  const { _httpMessage: response } = raw as Socket & { _httpMessage?: ServerResponse | null }
  response?.detachSocket(raw)
}

/** A UUID in one piece: node hands it out as a rope of nineteen strings, which would live as long as the connection. */
const newId = (): string => Buffer.from(randomUUID(), 'latin1').toString('latin1')

export function createSocketServer (options: SocketServerOptions): SocketServer {
  const { now, steady, connections, keepalive } = options
  const connectionOf = new WeakMap<WebSocket, Connection>()
  const introductions = new Map<Connection, Introduction>()

  function endIntroduction (connection: Connection): void {
    const introduction = introductions.get(connection)
    if (!introduction) return
    introductions.delete(connection)
    introduction.raw.removeListener('data', introduction.countBytes)
  }

  /** Says why, and throws the rest away as it comes: what a stranger sends is not collected while the socket closes. */
  function tooLarge (connection: Connection): void {
    const raw = introductions.get(connection)?.raw
    connection.close(closeCodes.tooLarge, '')
    endIntroduction(connection)
    raw?.removeAllListeners('data').resume().end()
  }

  async function introduce (connection: Connection, text: string): Promise<void> {
    const introduction = introductions.get(connection)
    if (!introduction) return
    await options.handshake(connection, text, introduction.headers)
    endIntroduction(connection)
    const waiting = connection.waitingFrames
    connection.waitingFrames = undefined
    for (const frame of waiting ?? []) if (connection.state === 'connected') options.receive(connection, frame)
  }

  function queueFrame (connection: Connection, text: string): void {
    const waiting = connection.waitingFrames ??= []
    if (waiting.length >= wireLimits.maxQueuedHandshakeFrames) {
      return connection.close(closeCodes.policyViolation, 'too many pending handshake frames')
    }
    waiting.push(text)
  }

  function onMessage (this: WebSocket, data: RawData): void {
    const connection = connectionOf.get(this)!
    connection.lastHeardAtMs = steady()
    switch (connection.state) {
      case 'connected': return options.receive(connection, textOf(data))
      case 'challenged':
        void introduce(connection, textOf(data))
        return
      case 'connecting': return queueFrame(connection, textOf(data))
    }
  }

  function onPong (this: WebSocket): void {
    connectionOf.get(this)!.lastHeardAtMs = steady()
  }

  function onClose (this: WebSocket, code: number, reason: Buffer): void {
    const connection = connectionOf.get(this)!
    endIntroduction(connection)
    connection.ended()
    keepalive.forget(connection)
    connections.remove(connection)
    options.onEnded(connection, code, reason.toString())
  }

  function onError (): void {
    // `close` follows and says everything; without a listener a broken peer would end the process.
  }

  return {
    accept (socket, raw, ingress, headers) {
      const connection = new Connection(newId(), socket, ingress, { now: now(), steady: steady() })
      releaseRequest(socket, raw)
      socket.on('error', onError)
      connectionOf.set(socket, connection)
      socket.on('message', onMessage)
      socket.on('pong', onPong)
      socket.on('close', onClose)
      keepalive.watch(connection)
      const countBytes = (chunk: Buffer): void => {
        connection.preauthBytes += chunk.length
        const limit = connection.state === 'challenged' ? maxPreauthBytes : maxPreauthBytesWhileConnecting
        if (connection.preauthBytes > limit && connection.state !== 'connected') tooLarge(connection)
      }
      introductions.set(connection, { headers, raw, countBytes })
      raw.on('data', countBytes)
      connections.add(connection)
      connection.nonce = newId()
      connection.challengeTs = now()
      connection.sendText(`{"type":"event","event":"connect.challenge","payload":{"nonce":"${connection.nonce}","ts":${connection.challengeTs},"capabilities":[]}}`)
    }
  }
}
