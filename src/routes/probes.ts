import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { HttpAuth } from '../http/auth-hook.ts'
import type { EventLoopMonitor } from '../host/event-loop.ts'
import type { Lifecycle } from '../host/lifecycle.ts'

export interface ProbeOptions {
  readonly lifecycle: Lifecycle
  readonly auth: HttpAuth
  readonly authMode: () => string
  readonly version: string
  readonly eventLoop: EventLoopMonitor
}

const live = '{"ok":true,"status":"live"}'

/** Liveness, readiness and start-up. Answered before everything else; who may know details is the only question asked. */
export function registerProbes (fastify: FastifyInstance, options: ProbeOptions): void {
  const { lifecycle, eventLoop } = options

  const json = (reply: FastifyReply, status: number, body: string): FastifyReply =>
    reply.code(status).header('cache-control', 'no-store').header('content-type', 'application/json; charset=utf-8').send(body)

  async function maySeeDetails (request: FastifyRequest): Promise<boolean> {
    if (request.ingress.local) return true
    return options.authMode() !== 'none' && (await options.auth.recognise(request)) !== undefined
  }

  async function ready (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const failing = lifecycle.failing()
    const isReady = failing.length === 0
    const suppressed = lifecycle.heldBack()?.suppressed
    const body = await maySeeDetails(request)
      ? { ready: isReady, failing, ...(suppressed ? { suppressed } : {}), uptimeMs: lifecycle.uptimeMs(), eventLoop: eventLoop.read() }
      : { ready: isReady }
    return json(reply, isReady ? 200 : 503, JSON.stringify(body))
  }

  async function startup (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const phase = lifecycle.phase()
    const status = phase === 'ready' ? 'started' : phase === 'starting' ? 'starting' : 'draining'
    const body = {
      ok: phase === 'ready',
      status,
      ...(await maySeeDetails(request) ? { version: options.version, uptimeMs: lifecycle.uptimeMs() } : {})
    }
    return json(reply, body.ok ? 200 : 503, JSON.stringify(body))
  }

  const probe = (url: string, anyone: boolean, answer: (request: FastifyRequest, reply: FastifyReply) => unknown): void => {
    fastify.get(url, { config: { anyone, anyHost: true } }, (request, reply) => answer(request, reply))
    fastify.route({
      method: ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      url,
      config: { anyone, anyHost: true, isRefusal: true },
      onRequest: async (_request, reply) =>
        reply.code(405).header('allow', 'GET, HEAD').header('content-type', 'text/plain; charset=utf-8').send('Method Not Allowed'),
      handler: () => ''
    })
  }

  for (const url of ['/health', '/healthz']) probe(url, true, (_request, reply) => json(reply, 200, live))
  for (const url of ['/ready', '/readyz']) probe(url, false, ready)
  for (const url of ['/startup', '/startupz']) probe(url, false, startup)
}
