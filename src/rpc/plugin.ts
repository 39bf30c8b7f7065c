import websocket from '@fastify/websocket'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { WebSocket } from 'ws'
import { wireLimits } from '../protocol/version.ts'
import type { SocketServer } from './socket-server.ts'

/** Answers a request for which there is no route. */
export type Unclaimed = (request: FastifyRequest, reply: FastifyReply) => unknown

export interface SocketPluginOptions {
  readonly sockets: SocketServer
  /** Ends every socket while the server is still up, so that clients read why. */
  readonly closeAll: () => Promise<void>
  readonly unclaimed?: Unclaimed
}

const notFound: Unclaimed = (_request, reply) => reply.callNotFound()

/** The WebSocket door: any path upgrades to the same protocol, after the HTTP hooks have looked at where the request comes from. */
export async function registerSockets (fastify: FastifyInstance, options: SocketPluginOptions): Promise<void> {
  const { sockets, closeAll, unclaimed = notFound } = options
  const accept = (socket: WebSocket, request: FastifyRequest): void => {
    const raw = request.raw as IncomingMessage
    sockets.accept(socket, raw.socket, request.ingress, raw.headers)
  }

  // A refused upgrade has no HTTP connection left that would time out, and the plugin ends only those that came as far as its own hook.
  fastify.addHook('onResponse', ({ raw }, _reply, done) => {
    if (raw.headers.upgrade !== undefined) raw.socket.destroySoon()
    done()
  })
  // Before the plugin's own hook for routes, which reads what this one adds.
  fastify.addHook('onRoute', route => {
    if (route.method === 'GET') route.wsHandler ??= accept
  })
  await fastify.register(websocket, {
    options: {
      maxPayload: wireLimits.maxPayload,
      perMessageDeflate: false,
      clientTracking: false,
      // A requested subprotocol is echoed; it selects nothing.
      handleProtocols: (offered: Set<string>) => offered.values().next().value ?? false
    },
    preClose: (done: () => void) => { closeAll().finally(done) }
  })
  fastify.get('/*', unclaimed)
}
