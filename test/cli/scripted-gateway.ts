/** A server that says exactly what a test tells it to say: for what a well-behaved gateway never does. */
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'

export interface Scripted {
  readonly url: string
  readonly port: number
  /** The params of every connect request. */
  readonly connects: any[]
}

export interface Script {
  /** Called for each connection; `socket` has just opened. */
  opened?: (socket: WebSocket, index: number) => void
  /** Answers a connect request; the default lets everyone in. */
  connect?: (params: any, index: number) => object
  /** Answers another request; nothing means silence. */
  request?: (frame: any, socket: WebSocket) => object | undefined
  /** Speaks TLS with this. */
  tls?: { key: string, cert: string }
  /** Refuses the upgrade with this. */
  upgrade?: (index: number) => { status: number, headers?: { [name: string]: string }, body: string } | undefined
}

export const challenge = { nonce: '4b72c9ac-2ba1-4e34-bd24-4dfaaf0383c6', ts: 1_795_168_067_602 }

/** The answer of the existing gateway, as far as a client reads it. */
export const hello = (auth: object = {}): object => ({
  type: 'hello-ok',
  protocol: 4,
  server: { version: '2026.9.6', connId: '6259b151-f8bf-4222-8d01-6b4ba6a313cf' },
  features: { methods: ['health'], events: ['tick'] },
  snapshot: { presence: [], health: {}, stateVersion: { presence: 1, health: 3 }, uptimeMs: 21_353 },
  auth: { role: 'operator', scopes: ['operator.read'], ...auth },
  policy: { maxPayload: 26_214_400, maxBufferedBytes: 52_428_800, tickIntervalMs: 30_000 }
})

export const refused = (code: string, details: object, more: object = {}) =>
  ({ ok: false, error: { code, message: `refused: ${(details as { code?: string }).code}`, details, ...more } })

interface Test { teardown (fn: () => unknown): void }

export async function startScripted (t: Test, script: Script = {}): Promise<Scripted> {
  const connects: any[] = []
  let connections = 0
  let upgrades = 0
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  const http = script.tls ? createTlsServer(script.tls) : createServer()
  const serve = (socket: WebSocket): void => {
    const index = connections++
    const opened = script.opened ?? (socket => socket.send(JSON.stringify({ type: 'event', event: 'connect.challenge', payload: challenge })))
    opened(socket, index)
    socket.on('message', data => {
      const frame = JSON.parse(String(data))
      const answer = frame.method === 'connect'
        ? (connects.push(frame.params), script.connect?.(frame.params, connects.length - 1) ?? { ok: true, payload: hello() })
        : script.request?.(frame, socket)
      if (answer) socket.send(JSON.stringify({ type: 'res', id: frame.id, ...answer }))
      if (frame.method === 'connect' && (answer as { ok?: boolean }).ok === false) socket.close(1008, 'refused')
    })
  }
  http.on('upgrade', (request, raw, head) => {
    raw.on('error', () => {})
    const refusal = script.upgrade?.(upgrades++)
    if (!refusal) return sockets.handleUpgrade(request, raw, head, serve)
    const headers = Object.entries({ 'content-length': String(Buffer.byteLength(refusal.body)), connection: 'close', ...refusal.headers })
    raw.end(`HTTP/1.1 ${refusal.status} Refused\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${refusal.body}`)
  })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
    return new Promise(resolve => http.close(resolve))
  })
  const { port } = http.address() as AddressInfo
  return { url: `${script.tls ? 'wss' : 'ws'}://127.0.0.1:${port}`, port, connects }
}
