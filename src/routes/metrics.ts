/** The numbers of the gateway, for Prometheus and whoever speaks its language. What writes them is loaded with the first reading. */
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { LoadedConfig } from '../config/load.ts'
import type { HttpAuth } from '../http/auth-hook.ts'
import { refuseOtherMethods } from '../http/other-methods.ts'

export interface MetricsRouteOptions {
  readonly auth: HttpAuth
  readonly config: () => LoadedConfig
  /** By what the client takes. */
  readonly read: (accept: string | undefined) => Promise<{ readonly contentType: string, readonly text: string }>
}

export const metricsPaths = ['/metrics', '/api/diagnostics/prometheus'] as const

export function registerMetrics (fastify: FastifyInstance, { auth, config, read }: MetricsRouteOptions): void {
  const settings = () => config().config.diagnostics
  const isServed = (): boolean => settings().enabled && settings().metrics.enabled
  const guard = auth.require('operator.read')

  async function admit (this: FastifyInstance, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    // What is switched off is not there, whoever asks.
    if (!isServed()) return reply.callNotFound()
    const { headers: { authorization, 'x-api-key': key }, ingress } = request
    const isAnonymous = authorization === undefined && key === undefined
    if (settings().metrics.access === 'local' && isAnonymous && ingress.kind === 'direct-local' && ingress.origin === undefined) return undefined
    return await guard.call(this, request, reply)
  }

  for (const url of metricsPaths) {
    fastify.get(url, { onRequest: Object.assign(admit, { guards: 'operator.read' }) as unknown as RouteOptions['onRequest'] }, async ({ headers }, reply) => {
      const { contentType, text } = await read(headers.accept)
      return reply.header('cache-control', 'no-store').header('content-type', contentType).send(text)
    })
    refuseOtherMethods(fastify, url, ['GET'], isServed)
  }
}
