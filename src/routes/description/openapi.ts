/** `GET /openapi.json`: every route and every method of this gateway, described from what is registered. */
import type { FastifyInstance } from 'fastify'
import type { HttpAuth } from '../../http/auth-hook.ts'
import { refuseOtherMethods } from '../../http/other-methods.ts'
import type { Methods } from './describe.ts'

export interface DescriptionOptions {
  readonly auth: HttpAuth
  readonly methods: Methods
}

export function registerDescription (fastify: FastifyInstance, { auth, methods }: DescriptionOptions): void {
  /** Written once: what is registered does not change while the gateway runs. */
  let text: Promise<string> | undefined
  const written = async (): Promise<string> => {
    const { describe } = await import('./describe.ts')
    return JSON.stringify(describe(fastify.knownRoutes, methods))
  }
  fastify.get('/openapi.json', { onRequest: auth.require('operator.read', { keepsKeysApart: true }) }, async (_request, reply) => {
    text ??= written()
    return reply.header('cache-control', 'no-store').header('content-type', 'application/json; charset=utf-8').send(await text)
  })
  refuseOtherMethods(fastify, '/openapi.json', ['GET'])
}
