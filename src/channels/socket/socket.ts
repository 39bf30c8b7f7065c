/** A WebSocket to a service, bounded in what it reads and in how long it waits. */
import type WebSocket from 'ws'

export interface SocketOptions {
  readonly url: string
  readonly maxFrameBytes: number
  /** Calls the opening off; what is open is closed by whoever opened it. */
  readonly signal: AbortSignal
  /** The other side has said anything at all. */
  readonly heard: () => void
  readonly text: (frame: string) => void
}

export interface Closed {
  readonly code: number
  readonly reason: string
}

export interface Socket {
  readonly closed: Promise<Closed>
  readonly isOpen: boolean
  send (frame: string): void
  ping (): void
  /** Politely; whoever does not answer is cut. */
  close (code: number): void
  /** At once, and without a word: nobody is there. */
  cut (): void
  /** Reads nothing until told to: what is not read waits with the service. */
  hold (isHeld: boolean): void
}

const handshakeMs = 15_000
const closeMs = 2000

/** The address may hold a ticket, so that nothing but the host of it is said. */
const reasonOf = (error: unknown, host: string): string => {
  const { code, message } = error as { code?: string, message?: string }
  const refused = /^Unexpected server response: (\d+)$/.exec(message ?? '')?.[1]
  if (refused !== undefined) return `${host} refuses the socket (${refused})`
  if (/handshake has timed out/.test(message ?? '')) return `${host} did not answer within ${handshakeMs / 1000} s`
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return `${host} said more at once than is read`
  return `${host} cannot be reached or broke off${code === undefined ? '' : ` (${code})`}`
}

function wrap (ws: WebSocket, closed: Promise<Closed>): Socket {
  return {
    closed,
    get isOpen () { return ws.readyState === ws.OPEN },
    send (frame) { if (ws.readyState === ws.OPEN) ws.send(frame, () => {}) },
    ping () { if (ws.readyState === ws.OPEN) ws.ping(undefined, undefined, () => {}) },
    close (code) {
      if (ws.readyState === ws.CLOSED) return
      // Whoever is held does not hear the answer to a close.
      ws.resume()
      ws.close(code)
      const timer = setTimeout(() => ws.terminate(), closeMs).unref()
      closed.then(() => clearTimeout(timer), () => {})
    },
    cut () { ws.terminate() },
    hold (isHeld) { if (ws.readyState === ws.OPEN) isHeld ? ws.pause() : ws.resume() }
  }
}

/** Resolves when it is open; rejects with a sentence that names no secret. */
export async function openSocket ({ url, maxFrameBytes, signal, heard, text }: SocketOptions): Promise<Socket> {
  const { default: Socket } = await import('ws')
  signal.throwIfAborted()
  const host = URL.parse(url)?.host ?? 'the service'
  const ws = new Socket(url, { perMessageDeflate: false, maxPayload: maxFrameBytes, handshakeTimeout: handshakeMs, followRedirects: false })
  const { promise: opened, resolve: open, reject } = Promise.withResolvers<void>()
  const { promise: closed, resolve: end } = Promise.withResolvers<Closed>()
  let trouble: string | undefined
  const onAbort = (): void => ws.terminate()
  signal.addEventListener('abort', onAbort)
  ws.on('open', open)
  ws.on('error', error => {
    trouble = reasonOf(error, host)
    reject(new Error(trouble))
  })
  ws.on('close', (code, reason) => {
    reject(new Error(trouble ?? `${host} closed the socket (${code})`))
    end({ code, reason: trouble ?? reason.toString().slice(0, 200) })
  })
  for (const sign of ['ping', 'pong'] as const) ws.on(sign, heard)
  ws.on('message', (data, isBinary) => {
    heard()
    if (!isBinary) text(data.toString())
  })
  try {
    await opened
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
  return wrap(ws, closed)
}
