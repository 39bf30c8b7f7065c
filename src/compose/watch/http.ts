/** HTTP requests: counted by their route, and traced where somebody collects traces. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { GatewayMeters } from '../../telemetry/gateway-meters.ts'
import type { OpenSpan, Tracing } from '../../telemetry/tracer.ts'

/** Probes and the pages that are read by machines every few seconds say nothing about work. */
const untraced = /^\/(health|healthz|ready|readyz|startup|startupz|metrics)$|^\/api\/diagnostics\//

const routeOf = ({ routeOptions: { url }, is404 }: FastifyRequest): string => is404 || url === undefined ? 'none' : url

const statusClass = (status: number): string => `${Math.floor(status / 100)}xx`

export function watchHttp (fastify: FastifyInstance, { meters, tracing }: { meters: GatewayMeters, tracing: Tracing }): void {
  const { httpRequests, httpSeconds } = meters
  fastify.addHook('onResponse', (request, reply, done) => {
    const route = routeOf(request)
    httpRequests.add(1, request.method, route, statusClass(reply.statusCode))
    httpSeconds.observe(reply.elapsedTime / 1000, route)
    done()
  })
  fastify.addHook('onRequest', (request, reply, done) => {
    const tracer = tracing()
    if (!tracer || request.headers.upgrade !== undefined) return done()
    const route = routeOf(request)
    if (untraced.test(route)) return done()
    const attributes = { 'http.request.method': request.method, 'http.route': route }
    const ended = async (span: OpenSpan): Promise<void> => {
      await new Promise<void>(resolve => {
        reply.raw.once('close', resolve)
        done()
      })
      span.set({ 'http.response.status_code': reply.statusCode })
      if (reply.statusCode >= 500) span.fail(String(reply.statusCode))
    }
    void tracer.span(`${request.method} ${route}`, { kind: 'server', traceparent: request.headers['traceparent'], attributes }, ended)
  })
}
