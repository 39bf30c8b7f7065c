import type { FastifyInstance } from 'fastify'
import type { Nonces } from '../auth/nonces.ts'

export interface DeviceNonceOptions {
  readonly nonces: Nonces
  readonly rateLimit: { max: number, timeWindow: number }
}

/** A single-use nonce for clients that sign before they connect; `connect` takes it in place of the challenge's. */
export function registerDeviceNonce (fastify: FastifyInstance, { nonces, rateLimit }: DeviceNonceOptions): void {
  fastify.route({
    method: ['GET', 'POST'],
    url: '/api/device/nonce',
    bodyLimit: 1024,
    config: { rateLimit, cors: true },
    handler: (_request, reply) => reply.header('cache-control', 'no-store').send(nonces.issue())
  })
}
