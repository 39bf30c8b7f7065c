/** Server-sent events on one reply. */
import type { FastifyReply } from 'fastify'

export interface SseEvent {
  readonly data: string
  readonly event?: string
  readonly id?: string
}

export interface SseStream {
  /** Aborted when the client is gone, or has left too much unread. */
  readonly gone: AbortSignal
  send (event: SseEvent): void
  /** A line that clients skip. */
  comment (text: string): void
  end (): void
}

export interface SseOptions {
  /** A comment whenever nothing else was sent for so long: proxies close what is silent. 0: never. */
  readonly heartbeatMs?: number
  /** What a client may leave unread before it is cut off. */
  readonly maxUnreadBytes?: number
  readonly headers?: { readonly [name: string]: string }
}

const lineBreak = /\r\n|\r|\n/

function textOf ({ data, event, id }: SseEvent): string {
  const name = event === undefined ? '' : `event: ${event}\n`
  const place = id === undefined ? '' : `id: ${id}\n`
  const lines = data.includes('\n') || data.includes('\r') ? data.split(lineBreak).join('\ndata: ') : data
  return `${name}${place}data: ${lines}\n\n`
}

/** Takes the reply over: whoever calls this answers with events from here on, and ends the stream. */
export function openSse (reply: FastifyReply, options: SseOptions = {}): SseStream {
  const { heartbeatMs = 15_000, maxUnreadBytes = 4 * 1024 * 1024, headers = {} } = options
  const { raw } = reply
  const gone = new AbortController()
  reply.hijack()
  raw.writeHead(200, {
    ...reply.getHeaders() as { [name: string]: string },
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
    ...headers
  })
  raw.flushHeaders()
  raw.socket?.setNoDelay(true)

  const write = (text: string): void => {
    if (gone.signal.aborted || raw.writableEnded) return
    raw.write(text)
    heartbeat?.refresh()
    if (raw.writableLength > maxUnreadBytes) raw.destroy(new Error('the client does not read'))
  }
  const heartbeat = heartbeatMs > 0 ? setTimeout(() => write(': keep-alive\n\n'), heartbeatMs).unref() : undefined
  raw.once('close', () => {
    clearTimeout(heartbeat)
    if (!raw.writableFinished) gone.abort(new Error('the client went away'))
  })
  // A reset by the client is told by `close`.
  raw.on('error', () => {})
  return {
    gone: gone.signal,
    send: event => write(textOf(event)),
    comment: text => write(`: ${text.replace(lineBreak, ' ')}\n\n`),
    end () {
      clearTimeout(heartbeat)
      if (!raw.writableEnded) raw.end()
    }
  }
}
