import websocket from '@fastify/websocket'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { WebSocket } from 'ws'
import { wireLimits } from '../protocol/version.ts'
import type { SocketServer } from './socket-server.ts'

export interface SocketPluginOptions {
  readonly sockets: SocketServer
  /** Ends every socket while the server is still up, so that clients read why. */
  readonly closeAll: () => Promise<void>
}

/** The WebSocket door: any path upgrades to the same protocol, after the HTTP hooks have looked at where the request comes from. */
export async function registerSockets (fastify: FastifyInstance, { sockets, closeAll }: SocketPluginOptions): Promise<void> {
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

  const accept = (socket: WebSocket, request: FastifyRequest): void => {
    const raw = request.raw as IncomingMessage
    sockets.accept(socket, raw.socket, request.ingress, raw.headers)
  }

  fastify.addHook('onRoute', route => {
    const methods = Array.isArray(route.method) ? route.method : [route.method]
    if (methods.length === 1 && methods[0] === 'GET' && !route.websocket) route.wsHandler ??= accept
  })
}
