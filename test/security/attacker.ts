/** The tools of the attacks: raw sockets, forged places, every door of a gateway, and a source of chance that can be repeated. */
import { readdirSync } from 'node:fs'
import { connect as tcpConnect, type Socket } from 'node:net'
import type { ClientOptions } from 'ws'
import { clientIds, clientModes } from '../../src/protocol/client-info.ts'
import type { TestGateway } from '../helper.ts'

/** The storms in full; `npm test` runs a short version of each. */
export const isLong = process.env['OPENCLAW_TEST_LONG'] === '1'

/** The test process plays the proxy: what it writes into X-Forwarded-For is where the client is. */
export const behindProxy = { gateway: { trustedProxies: ['127.0.0.1'] } }

export const from = (address: string): { 'x-forwarded-for': string } => ({ 'x-forwarded-for': address })
export const socketFrom = (address: string, more: { [header: string]: string } = {}): ClientOptions => ({ headers: { ...from(address), ...more } })

export const bearer = (secret: string): { authorization: string } => ({ authorization: `Bearer ${secret}` })

export const upgradeHeaders = 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

export interface RawSocket {
  readonly socket: Socket
  answer: string
  /** Resolves with everything that came when the other side has hung up; rejects when it does not. */
  ended (timeoutMs?: number): Promise<string>
}

/** Sends bytes as they are. */
export async function rawSocket (port: number, text: string, host = '127.0.0.1'): Promise<RawSocket> {
  const socket = tcpConnect({ port, host })
  const raw: RawSocket = {
    socket,
    answer: '',
    ended: (timeoutMs = 20_000) => new Promise((resolve, reject) => {
      if (socket.closed) return resolve(raw.answer)
      const timer = setTimeout(() => { socket.destroy(); reject(new Error(`still open after ${timeoutMs} ms: ${raw.answer.slice(0, 500)}`)) }, timeoutMs)
      socket.once('close', () => { clearTimeout(timer); resolve(raw.answer) })
    })
  }
  socket.on('data', chunk => { raw.answer += chunk.toString('latin1') })
  socket.on('error', () => {})
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  socket.write(text)
  return raw
}

export const rawAnswer = async (port: number, text: string, timeoutMs?: number): Promise<string> =>
  (await rawSocket(port, text)).ended(timeoutMs)

export interface Route {
  readonly path: string
  readonly methods: readonly string[]
}

/** Every route there is, read off the tree that the router prints. */
export function routesOf ({ gateway }: TestGateway): Route[] {
  const tree = gateway.fastify.printRoutes({ commonPrefix: false })
  const prefixes: string[] = []
  const routes: Route[] = []
  for (const line of tree.split('\n')) {
    const match = /^([│ ├└─]*)(\S+) \(([A-Z, ]+)\)/.exec(line)
    if (!match) continue
    const depth = match[1]!.length / 4
    prefixes.length = depth - 1
    prefixes.push(match[2]!)
    const path = prefixes.join('').replace('//', '/')
    routes.push({ path: path.startsWith('/') ? path : `/${path}`, methods: match[3]!.split(', ') })
  }
  return routes
}

/** Every way in which a client can describe itself. */
export const selfDescriptions = clientIds.flatMap(id => clientModes.map(mode => ({ id, mode })))

/** Numbers that look random and are the same in every run. */
export function seeded (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export const openFiles = (): number => readdirSync('/proc/self/fd').length
