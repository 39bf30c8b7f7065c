/** One WebSocket of the load side over a raw TCP socket. */
import { connect, type Socket } from 'node:net'
import { clientFrame, createFrameReader, opcodes } from './frames.ts'

export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly path?: string
}

/** Key and answer are a fixed pair (the example of RFC 6455), so that nothing has to be hashed per connection. */
const upgradeKey = 'dGhlIHNhbXBsZSBub25jZQ=='
const upgradeAnswer = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='

export interface Ended {
  /** HTTP status when the upgrade was refused. */
  readonly status?: number
  readonly closeCode?: number
  readonly reason: string
}

export interface BenchSocket {
  onText: (payload: Buffer) => void
  onEnd: (ended: Ended) => void
  send: (text: string) => void
  /** Bytes that are frames already. */
  sendBytes: (bytes: Buffer) => void
  /** The polite end: a close frame, then the server hangs up. */
  close: () => void
  destroy: () => void
}

const upgradeRequest = (endpoint: Endpoint, headers: { readonly [name: string]: string }): string => {
  const extra = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return `GET ${endpoint.path ?? '/'} HTTP/1.1\r\nHost: ${endpoint.host}:${endpoint.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: ${upgradeKey}\r\nSec-WebSocket-Version: 13\r\n${extra}\r\n`
}

const closeFrame = clientFrame(Buffer.from([0x03, 0xe8]), opcodes.close)

function closed (payload: Buffer): Ended {
  return payload.length < 2 ? { closeCode: 1005, reason: '' } : { closeCode: payload.readUInt16BE(0), reason: payload.toString('utf8', 2) }
}

export function openSocket (endpoint: Endpoint, headers: { readonly [name: string]: string } = {}): BenchSocket {
  const tcp = connect({ host: endpoint.host, port: endpoint.port, noDelay: true })
  let ended: Ended | undefined
  const socket: BenchSocket = {
    onText () {},
    onEnd () {},
    send: text => { tcp.write(clientFrame(text)) },
    sendBytes: bytes => { tcp.write(bytes) },
    close: () => { if (tcp.writable) tcp.end(closeFrame) },
    destroy: () => { tcp.destroy() }
  }
  const read = createFrameReader((opcode, payload) => {
    if (opcode === opcodes.text) socket.onText(payload)
    else if (opcode === opcodes.ping) tcp.write(clientFrame(payload, opcodes.pong))
    else if (opcode === opcodes.close) {
      ended = closed(payload)
      tcp.end(clientFrame(payload.subarray(0, 2), opcodes.close))
    }
  })
  whenUpgraded(tcp, read, refusal => { ended = refusal })
  tcp.on('connect', () => tcp.write(upgradeRequest(endpoint, headers)))
  tcp.on('error', error => { ended ??= { reason: (error as NodeJS.ErrnoException).code ?? error.message } })
  tcp.on('close', () => socket.onEnd(ended ?? { reason: 'closed without a word' }))
  return socket
}

/** Reads the answer to the upgrade; what follows it belongs to the frames. */
function whenUpgraded (tcp: Socket, read: (chunk: Buffer) => void, refuse: (refusal: Ended) => void): void {
  let head: Buffer = Buffer.alloc(0)
  const onHead = (chunk: Buffer): void => {
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end === -1) return
    const text = head.toString('latin1', 0, end)
    if (!text.startsWith('HTTP/1.1 101') || !text.includes(upgradeAnswer)) {
      refuse({ status: Number(text.slice(9, 12)), reason: head.toString('utf8', end + 4) })
      tcp.destroy()
      return
    }
    tcp.off('data', onHead)
    tcp.on('data', read)
    if (head.length > end + 4) read(head.subarray(end + 4))
  }
  tcp.on('data', onHead)
}
