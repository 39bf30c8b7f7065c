/** One keep-alive HTTP/1.1 connection that sends the same bytes again and again. */
import { connect } from 'node:net'
import type { Endpoint } from './socket.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: { readonly [name: string]: string }
  readonly body?: string
}

export interface HttpConnection {
  /** The status is called back when the whole answer has been read; one request at a time. */
  send: (onStatus: (status: number) => void) => void
  destroy: () => void
}

export function requestBytes (endpoint: Endpoint, request: HttpRequest): Buffer {
  const body = request.body ?? ''
  const headers = { ...request.headers, ...(body ? { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) } : {}) }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return Buffer.from(`${request.method} ${request.path} HTTP/1.1\r\nhost: ${endpoint.host}:${endpoint.port}\r\n${lines}\r\n${body}`)
}

/** Length of the first complete answer in `data`, or 0 while bytes are missing. */
export function answerLength (data: Buffer): number {
  const end = data.indexOf('\r\n\r\n')
  if (end === -1) return 0
  const head = data.toString('latin1', 0, end).toLowerCase()
  const at = head.indexOf('content-length:')
  if (at !== -1) {
    const total = end + 4 + Number.parseInt(head.slice(at + 15), 10)
    return data.length < total ? 0 : total
  }
  if (!head.includes('transfer-encoding: chunked')) return end + 4
  const last = data.indexOf('0\r\n\r\n', end + 2)
  return last === -1 ? 0 : last + 5
}

export function openHttp (endpoint: Endpoint, request: HttpRequest): HttpConnection {
  const bytes = requestBytes(endpoint, request)
  const tcp = connect({ host: endpoint.host, port: endpoint.port, noDelay: true })
  let waiting: ((status: number) => void) | undefined
  let rest: Buffer | undefined
  const finish = (status: number): void => {
    const callback = waiting
    waiting = undefined
    callback?.(status)
  }
  tcp.on('data', chunk => {
    const data = rest === undefined ? chunk : Buffer.concat([rest, chunk])
    const length = answerLength(data)
    rest = length === 0 ? data : length === data.length ? undefined : data.subarray(length)
    if (length > 0) finish(Number.parseInt(data.toString('latin1', 9, 12), 10))
  })
  tcp.on('error', () => finish(0))
  tcp.on('close', () => finish(0))
  return {
    send: onStatus => {
      waiting = onStatus
      if (tcp.destroyed) finish(0)
      else tcp.write(bytes)
    },
    destroy: () => { tcp.destroy() }
  }
}
