import type { FastifyInstance } from 'fastify'
import { createServer, type Server } from 'node:http'
import type { BindTargets } from './lib/bind-address.ts'

export interface Listeners {
  readonly port: number
  readonly addresses: readonly string[]
  close (): Promise<void>
}

function listen (server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, ipv6Only: host === '::1' }, () => {
      server.removeListener('error', reject)
      resolve((server.address() as { port: number }).port)
    })
  })
}

/** A further address of the same gateway: its requests and upgrades go the way of the first. */
function twinOf (fastify: FastifyInstance): Server {
  const main = fastify.server
  const twin = createServer((request, response) => { main.emit('request', request, response) })
  twin.on('upgrade', (request, socket, head) => { main.emit('upgrade', request, socket, head) })
  twin.requestTimeout = main.requestTimeout
  twin.headersTimeout = main.headersTimeout
  twin.keepAliveTimeout = main.keepAliveTimeout
  return twin
}

const display = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`

/** Listens on every address of the bind, or on none of them. */
export async function openListeners (fastify: FastifyInstance, bind: BindTargets, wantedPort: number): Promise<Listeners> {
  await fastify.ready()
  const twins: Server[] = []
  const [first, ...others] = bind.hosts
  const port = await listen(fastify.server, first!, wantedPort)
  const addresses = [display(first!, port)]

  async function openTwin (host: string): Promise<void> {
    const twin = twinOf(fastify)
    await listen(twin, host, port)
    twins.push(twin)
    addresses.push(display(host, port))
  }

  async function close (): Promise<void> {
    await Promise.all(twins.map(twin => new Promise(resolve => {
      twin.closeAllConnections()
      twin.close(resolve)
    })))
  }

  try {
    for (const host of others) await openTwin(host)
    for (const host of bind.optionalHosts) await openTwin(host).catch(() => undefined)
  } catch (error) {
    await close()
    fastify.server.close()
    throw error
  }
  return { port, addresses, close }
}
