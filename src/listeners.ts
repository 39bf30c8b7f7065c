/** The addresses of a bind: taken before anything heavy is loaded, and led to the gateway once there is one. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { errorBody } from './http/error-handler.ts'
import type { BindTargets } from './lib/bind-address.ts'
import { descriptorLimit, mostClients } from './lib/descriptors.ts'
import { nodeHttp } from './lib/node-http.ts'
import { GatewayError } from './protocol/errors.ts'
import { wireLimits } from './protocol/version.ts'

/** A key and its certificate, with the chain behind it. */
export interface Pem {
  readonly key: string
  readonly cert: string
}

export interface Listeners {
  readonly port: number
  readonly addresses: readonly string[]
  /** Addresses that would have been welcome and that somebody else has. */
  readonly missed: readonly string[]
  /** From now on this server gets what arrives. Before, everybody is told to come back in a moment. */
  lead (to: Server, onError: (error: Error) => void): void
  /** Another certificate, for every handshake from now on. */
  renew (pem: Pem): void
  /** Takes nothing new at once; what is being answered gets a moment. Twice is safe. */
  close (): Promise<void>
}

/** How often Node looks for requests that take too long to arrive, so how late the answer to one may be. A look costs next to nothing. */
const timeoutCheckMs = 1_000

const display = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`

function listen (server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, ipv6Only: host === '::1' }, () => {
      server.removeListener('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

/** What a gateway says that has its port and nothing behind it yet: that it lives, and when to ask again. */
function answerWhileStarting ({ url = '' }: IncomingMessage, response: ServerResponse): void {
  const path = url.split('?', 1)[0]
  const [status, answer] = startingAnswer(path ?? '')
  const body = JSON.stringify(answer)
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    connection: 'close',
    ...(status === 503 ? { 'retry-after': '1' } : {})
  }).end(body)
}

function startingAnswer (path: string): [status: number, body: object] {
  if (path === '/health' || path === '/healthz') return [200, { ok: true, status: 'live' }]
  if (path === '/ready' || path === '/readyz') return [503, { ready: false }]
  if (path === '/startup' || path === '/startupz') return [503, { ok: false, status: 'starting' }]
  return [503, errorBody(new GatewayError('STARTING'))]
}

const refuseUpgrade = (code: 'STARTING' | 'STOPPING') => (_request: IncomingMessage, socket: Duplex): void => {
  const body = JSON.stringify(errorBody(new GatewayError(code)))
  socket.on('error', () => socket.destroy())
  socket.end('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\ncontent-type: application/json; charset=utf-8\r\n' +
    `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
}

type Door = { readonly server: Server, readonly lead: Listeners['lead'], renew (pem: Pem): void }

/** node:https is loaded only where it is spoken. */
function createServer (pem: Pem | undefined): { server: Server, renew: Door['renew'] } {
  const options = { connectionsCheckingInterval: timeoutCheckMs }
  if (!pem) return { server: nodeHttp().createServer(options, answerWhileStarting), renew () {} }
  const server = process.getBuiltinModule('node:https').createServer({ ...options, ...pem, minVersion: 'TLSv1.2' }, answerWhileStarting)
  return { server, renew: ({ key, cert }) => server.setSecureContext({ key, cert, minVersion: 'TLSv1.2' }) }
}

/** One address. Its requests and upgrades go the way of the gateway's own server as if they had arrived there. */
function createDoor (pem: Pem | undefined): Door {
  const { server, renew } = createServer(pem)
  server.on('upgrade', refuseUpgrade('STARTING'))
  return {
    server,
    renew,
    lead (to, onError) {
      server.requestTimeout = to.requestTimeout
      server.headersTimeout = to.headersTimeout
      server.keepAliveTimeout = to.keepAliveTimeout
      server.removeAllListeners('request').on('request', (request, response) => { to.emit('request', request, response) })
      server.removeAllListeners('upgrade').on('upgrade', (request, socket, head) => { to.emit('upgrade', request, socket, head) })
      server.on('clientError', (error, socket) => { to.emit('clientError', error, socket) })
      server.removeAllListeners('error').on('error', onError)
    }
  }
}

function closeDoor (server: Server): Promise<void> {
  // A client that was here before the end and only now says what it wants would hold the door open for ever.
  server.removeAllListeners('upgrade').on('upgrade', refuseUpgrade('STOPPING'))
  return new Promise(resolve => {
    const impatient = setTimeout(() => server.closeAllConnections(), wireLimits.closeGraceMs)
    server.close(() => {
      clearTimeout(impatient)
      resolve()
    })
  })
}

/** Listens on every address of the bind, or on none of them. */
export async function openListeners (bind: BindTargets, wantedPort: number, pem?: Pem): Promise<Listeners> {
  const doors: Door[] = []
  const addresses: string[] = []
  const missed: string[] = []
  let port = wantedPort
  let closed: Promise<unknown> | undefined
  const limit = descriptorLimit()

  async function open (host: string): Promise<void> {
    const door = createDoor(pem)
    if (limit !== undefined) door.server.maxConnections = mostClients(limit)
    port = await listen(door.server, host, port)
    // Trouble with accepting a socket is the trouble of that socket.
    door.server.on('error', () => {})
    doors.push(door)
    addresses.push(display(host, port))
  }

  async function openIfThere (host: string): Promise<void> {
    await open(host).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') missed.push(display(host, port))
    })
  }

  const close = async (): Promise<void> => {
    closed ??= Promise.all(doors.map(({ server }) => closeDoor(server)))
    await closed
  }

  try {
    for (const host of bind.hosts) await open(host)
    for (const host of bind.optionalHosts) await openIfThere(host)
  } catch (error) {
    await close()
    throw error
  }
  return {
    port,
    addresses,
    missed,
    close,
    lead: (to, onError) => doors.forEach(door => door.lead(to, onError)),
    renew: next => doors.forEach(door => door.renew(next))
  }
}
