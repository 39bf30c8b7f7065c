import type { FastifyInstance } from 'fastify'
import type { Nonces } from '../auth/nonces.ts'

/** A single-use nonce for clients that sign before they connect; `connect` takes it in place of the challenge's. */
export function registerDeviceNonce (fastify: FastifyInstance, { nonces }: { readonly nonces: Nonces }): void {
  fastify.route({
    method: ['GET', 'POST'],
    url: '/api/device/nonce',
    bodyLimit: 1024,
    // The limits of gateway.http.rateLimit hold for this route.
    config: { rateLimit: {} },
    handler: (_request, reply) => reply.header('cache-control', 'no-store').send(nonces.issue())
  })
}
