import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { Caller } from '../auth/caller.ts'
import type { NodeSurface } from '../auth/devices/types.ts'
import type { Ingress } from '../auth/ingress.ts'
import { closeReason } from '../protocol/close-codes.ts'
import type { ConnectClient } from '../protocol/connect.ts'
import type { ErrorShape } from '../protocol/frames.ts'
import type { Scope } from '../protocol/scopes.ts'
import { RawJson } from './define-method.ts'

/** The part of a connection that methods may use. */
export interface MethodConnection {
  readonly id: string
  readonly client: ConnectClient | undefined
  readonly caps: ReadonlySet<string>
  readonly openedAtMs: number
  /** The wider rights that this client has asked for and may wait for. */
  scopeUpgrade: ScopeUpgrade | undefined
}

export interface ScopeUpgrade {
  readonly requestId: string
  readonly scopes: readonly Scope[]
  readonly decision: Promise<'approved' | 'rejected' | 'expired'>
}

export type ConnectionState = 'challenged' | 'connecting' | 'connected' | 'closing'

/** Ends the gathering: everything goes out in one write. */
function release (connection: Connection, raw: Socket): void {
  if (!connection.gathering) return
  connection.gathering = false
  raw.uncork()
}

const noCaps: ReadonlySet<string> = new Set()

/** By the clock of the machine, and by one that nobody sets. */
export interface Moment { readonly now: number, readonly steady: number }

/**
 * One client socket. A class with plain fields and no closures of its own, because a thousand idle ones must stay cheap;
 * everything that happens to it is driven from outside (socket-server, handshake, dispatch, fan-out, keepalive).
 */
export class Connection implements MethodConnection {
  readonly id: string
  readonly socket: WebSocket
  readonly ingress: Ingress
  readonly openedAtMs: number
  state: ConnectionState = 'challenged'
  nonce = ''
  challengeTs = 0
  client: ConnectClient | undefined = undefined
  caps: ReadonlySet<string> = noCaps
  caller: Caller | undefined = undefined
  /** What a node offers; how much of it counts is asked of the device records. */
  declared: NodeSurface | undefined = undefined
  scopeUpgrade: ScopeUpgrade | undefined = undefined
  protocol = 0
  /** Bytes received before `connect` was accepted. */
  preauthBytes = 0
  /** Frames that arrived while the handshake was being decided. */
  waitingFrames: string[] | undefined = undefined
  /** Requests whose answers are not written yet. */
  pendingRequests = 0
  pendingBytes = 0
  consecutiveRoleErrors = 0
  /** Like those below by a clock that nobody sets. */
  readonly acceptedAtMs: number
  lastHeardAtMs: number
  pingSentAtMs = 0
  closingSinceMs = 0
  /** Series of events of which this client missed one because it did not keep up. */
  missed: Set<string> | undefined = undefined
  /** What is sent now waits for the end of this turn of the loop. */
  gathering = false
  private seq = 0
  private aborter: AbortController | undefined = undefined

  constructor (id: string, socket: WebSocket, ingress: Ingress, { now, steady }: Moment) {
    this.id = id
    this.socket = socket
    this.ingress = ingress
    this.openedAtMs = now
    this.acceptedAtMs = steady
    this.lastHeardAtMs = steady
  }

  get signal (): AbortSignal {
    this.aborter ??= new AbortController()
    if (this.state === 'closing') this.aborter.abort()
    return this.aborter.signal
  }

  /** A turn of the loop may tell one client a dozen things; one write for all of them costs a tenth of one for each. */
  private gather (): void {
    if (this.gathering) return
    const { _socket: raw } = this.socket as WebSocket & { _socket?: Socket | null }
    if (!raw) return
    this.gathering = true
    raw.cork()
    setImmediate(release, this, raw)
  }

  /** Before the socket is closed or destroyed. */
  private flush (): void {
    const { _socket: raw } = this.socket as WebSocket & { _socket?: Socket | null }
    if (raw) release(this, raw)
  }

  /** `onSent` hears when the text has left this process, or why it never will. */
  sendText (text: string, onSent?: (error?: Error | null) => void): void {
    if (this.socket.readyState === 1) {
      this.gather()
      this.socket.send(text, onSent)
    } else onSent?.(new Error('the socket is closed'))
  }

  respond (id: string, payload: unknown): void {
    const body = payload instanceof RawJson ? payload.text : JSON.stringify(payload ?? {})
    this.sendText(`{"type":"res","id":${JSON.stringify(id)},"ok":true,"payload":${body}}`)
  }

  respondError (id: string, error: ErrorShape): void {
    this.sendText(JSON.stringify({ type: 'res', id, ok: false, error }))
  }

  /** `head` is the event frame without its closing brace; the number is given here, so what is sent has no holes. */
  sendEvent (head: string): void {
    if (this.socket.readyState !== 1) return
    this.gather()
    this.socket.send(`${head},"seq":${++this.seq}}`)
  }

  close (code: number, reason: string): void {
    if (this.state === 'closing') return
    this.state = 'closing'
    this.aborter?.abort()
    this.flush()
    this.socket.close(code, closeReason(reason))
  }

  /** Hears nothing from now on; the close follows a turn of the loop later, behind the answer to the request that caused it. */
  closeAfterAnswer (code: number, reason: string): void {
    if (this.state === 'closing') return
    this.state = 'closing'
    this.aborter?.abort()
    setImmediate(() => this.socket.close(code, closeReason(reason)))
  }

  /** Says why and lets go at once: a peer that never answers must not keep the socket for the length of a close handshake. */
  hangUp (code: number, reason: string): void {
    this.close(code, reason)
    this.socket.terminate()
  }

  /** The socket is gone, whoever closed it. */
  ended (): void {
    this.state = 'closing'
    this.aborter?.abort()
  }
}
