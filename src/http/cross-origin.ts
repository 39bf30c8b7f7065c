import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import type { GatewayConfig } from '../config/schema.ts'

/**
 * Lets pages of the listed origins read the named routes of this scope. Everything else answers browsers of other origins without
 * a word of permission; `*` in the configuration is for sockets and never becomes a licence to read.
 */
export async function allowCrossOrigin (scope: FastifyInstance, config: () => GatewayConfig, paths: readonly string[]): Promise<void> {
  const named = new Set(paths)
  await scope.register(cors, {
    delegator (request, callback) {
      const { controlUi, http: { cors: settings } } = config()
      const origins = [...controlUi.allowedOrigins, ...settings.origins].filter(origin => origin !== '*')
      const offered = named.has(request.raw.url?.split('?', 1)[0] ?? '')
      callback(null, {
        origin: offered ? origins : false,
        methods: ['GET', 'POST'],
        allowedHeaders: ['authorization', 'content-type'],
        maxAge: settings.maxAgeSeconds
      })
    }
  })
}
