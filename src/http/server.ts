import rateLimit from '@fastify/rate-limit'
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyRequest } from 'fastify'
import type { GatewayConfig } from '../config/schema.ts'
import type { HostPolicy, OriginPolicy } from '../auth/origin.ts'
import { isCrossSite } from '../auth/origin.ts'
import { addressGroup } from '../lib/net-address.ts'
import { GatewayError } from '../protocol/errors.ts'
import { refuseUnreadable, registerErrors } from './error-handler.ts'
import { keepKnownRoutes } from './known-routes.ts'
import { registerIngress, type IngressHookOptions } from './ingress-hook.ts'

export interface HttpOptions {
  readonly loggerInstance: FastifyBaseLogger
  readonly config: () => GatewayConfig
  readonly attribute: IngressHookOptions['attribute']
  readonly hosts: () => HostPolicy
  readonly origins: () => OriginPolicy
}

/** A page of another site must not make a browser change anything here, whatever cookies or networks it sits behind. */
function refuseCrossSite (request: FastifyRequest, origins: OriginPolicy): GatewayError | undefined {
  const { method, ingress, headers } = request
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || !isCrossSite(headers)) return undefined
  return origins(ingress, { required: true }).ok ? undefined : new GatewayError('CROSS_SITE_REQUEST')
}

/** A name that somebody else pointed at us: without a credential such a request gets nothing. */
function refuseForeignHost (request: FastifyRequest, hosts: HostPolicy): GatewayError | undefined {
  if (request.routeOptions.config.anyHost || request.headers.authorization !== undefined) return undefined
  if (request.headers.upgrade !== undefined || hosts(request.ingress)) return undefined
  return new GatewayError('HOST_NOT_ALLOWED', { message: `host not allowed: ${String(request.ingress.host).slice(0, 120)}` })
}

function lastWords (status: string, message: string, nextStep: string): string {
  const body = JSON.stringify({ error: { message, type: 'invalid_request_error', nextStep } })
  const headers = ['connection: close', 'content-type: application/json; charset=utf-8', `content-length: ${Buffer.byteLength(body)}`]
  return `HTTP/1.1 ${status}\r\n${headers.join('\r\n')}\r\n\r\n${body}`
}
const tooSlow = lastWords('408 Request Timeout', 'the request did not come to its end in time', 'Send it again, faster or in smaller parts.')
const unreadable = lastWords('400 Bad Request', 'this is no HTTP request that can be read', 'Look at what your client sends, and at what stands between.')

/** What a proxy passes on below the base path is the same gateway; without it everything is where it always is. */
const withoutBase = (basePath: string) => ({ url = '/' }: { url?: string | undefined }): string => {
  if (!url.startsWith(basePath)) return url
  const rest = url.slice(basePath.length)
  return rest.startsWith('/') ? rest : rest === '' || rest.startsWith('?') ? `/${rest}` : url
}

/** The HTTP side: limits, headers, origin and host rules, error bodies, and the request limiter that routes opt into. */
export async function createHttp (options: HttpOptions): Promise<FastifyInstance> {
  const { http, controlUi } = options.config()
  const fastify = Fastify({
    loggerInstance: options.loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    // A logger of its own for each request would cost more than the request.
    childLoggerFactory: logger => logger,
    bodyLimit: http.bodyLimitBytes,
    requestTimeout: http.requestTimeoutMs,
    keepAliveTimeout: 30_000,
    // Answers 503 while it closes; the sockets of idle keep-alive clients are ended.
    forceCloseConnections: 'idle',
    exposeHeadRoutes: true,
    ...(controlUi.basePath ? { rewriteUrl: withoutBase(controlUi.basePath) } : {}),
    routerOptions: { maxParamLength: 512 },
    frameworkErrors: (_error, request, reply) => refuseUnreadable(request, reply),
    // A broken request is none of the application's: answer once and hang up. So is one that does not come to its end.
    clientErrorHandler ({ code }, socket) {
      if (socket.writable) socket.end(code === 'ERR_HTTP_REQUEST_TIMEOUT' ? tooSlow : unreadable)
      else socket.destroy()
    }
  }) as unknown as FastifyInstance
  fastify.server.headersTimeout = Math.min(10_000, http.requestTimeoutMs || 10_000)
  // Forms of other sites can post text without a preflight; nothing here reads it.
  fastify.removeContentTypeParser('text/plain')

  keepKnownRoutes(fastify)
  registerErrors(fastify)
  registerIngress(fastify, {
    attribute: options.attribute,
    securityHeaders: () => options.config().http.securityHeaders,
    onUnattributable: ({ peerAddress, clientUnnamed }) => options.loggerInstance.warn({ peer: peerAddress },
      clientUnnamed ? 'a proxy does not say who its clients are' : 'a proxy that is not in gateway.trustedProxies forwards requests')
  })
  fastify.addHook('onRequest', (request, _reply, done) => {
    done(refuseForeignHost(request, options.hosts()) ?? refuseCrossSite(request, options.origins()))
  })

  await fastify.register(rateLimit, {
    global: false,
    max: http.rateLimit.max,
    timeWindow: http.rateLimit.windowMs,
    cache: 10_000,
    keyGenerator: request => addressGroup(request.ingress.clientAddress),
    errorResponseBuilder: (_request, { ttl }) => new GatewayError('TOO_MANY_REQUESTS', { retryAfterMs: ttl })
  })
  return fastify
}
