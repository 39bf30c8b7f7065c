/** HTTP routes of plugins: one door for all of them, behind every route of the gateway itself. */
import { validateHeaderName, validateHeaderValue, type IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { LimiterSubject, AttemptLimiter } from '../auth/limiter.ts'
import type { HttpAuth } from '../http/auth-hook.ts'
import { errorBody } from '../http/error-handler.ts'
import { GatewayError, isGatewayError } from '../protocol/errors.ts'
import type { Plugins } from '../plugins/plugins.ts'
import { readPath, type OpenRoute, type Reply } from '../plugins/routes.ts'

export interface PluginRoutesOptions {
  readonly auth: HttpAuth
  readonly plugins: Pick<Plugins, 'route'>
  readonly limiter: AttemptLimiter
  readonly unavailable: () => GatewayError | undefined
}

/** What may be on its way to plugins at the same time: anybody may send to a route that looks at credentials itself. */
const maxReceivingBytes = 64 * 1024 * 1024

async function receive (request: IncomingMessage, limitBytes: number): Promise<Buffer> {
  const tooLarge = (): GatewayError => new GatewayError('PAYLOAD_TOO_LARGE', { message: 'Payload too large', details: { limitBytes } })
  if (Number(request.headers['content-length'] ?? 0) > limitBytes) throw tooLarge()
  const pieces: Buffer[] = []
  let length = 0
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      length += piece.length
      if (length > limitBytes) throw tooLarge()
      pieces.push(piece)
    }
  } catch (error) {
    throw isGatewayError(error) ? error : new GatewayError('INVALID_PARAMS', { message: 'the body did not arrive whole', cause: error })
  }
  return Buffer.concat(pieces)
}

/** Aborted when nobody waits for the answer any more. */
function goneSignal ({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController()
  raw.once('close', () => { if (!raw.writableFinished) gone.abort(new Error('the client went away')) })
  return gone.signal
}

/** The plugin has the response already, so what is left to say is said there, or not at all. */
function refuseRaw ({ raw }: FastifyReply, error: unknown): void {
  if (raw.headersSent) {
    raw.destroy()
    return
  }
  const refusal = isGatewayError(error) ? error : new GatewayError('PLUGIN_FAILED')
  raw.writeHead(refusal.status, { 'content-type': 'application/json; charset=utf-8', connection: 'close' }).end(JSON.stringify(errorBody(refusal)))
}

function send (reply: FastifyReply, { status, headers, body }: Reply, route: OpenRoute): FastifyReply {
  if (route.scope !== undefined && headers['cache-control'] === undefined) reply.header('cache-control', 'no-store')
  try {
    for (const [name, text] of Object.entries(headers)) {
      validateHeaderName(name)
      validateHeaderValue(name, text)
    }
  } catch (error) {
    throw route.plugin.failed(`the headers of ${route.path}`, error)
  }
  return reply.headers(headers).code(status).send(body)
}

/** Who guesses at the signatures of a plugin is counted here, so that no plugin has to. */
async function guessLimited (
  limiter: AttemptLimiter, subject: LimiterSubject, reply: FastifyReply, work: () => Promise<void>
): Promise<void> {
  const gate = limiter.check('plugin-auth', subject)
  if (!gate.allowed) throw new GatewayError('AUTH_RATE_LIMITED', { retryAfterMs: gate.retryAfterMs })
  const judge = (status: number): void => {
    if (status === 401 || status === 403) limiter.recordFailure('plugin-auth', subject)
    else if (status < 300) limiter.recordSuccess('plugin-auth', subject)
  }
  reply.raw.once('close', () => judge(reply.raw.statusCode))
  await work()
}

type Door = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

export function registerPluginRoutes (fastify: FastifyInstance, options: PluginRoutesOptions): Door {
  const { auth, plugins, limiter } = options
  let receivingBytes = 0

  async function bodyOf ({ raw, method }: FastifyRequest, { bodyLimit }: OpenRoute): Promise<Buffer> {
    if (method === 'GET' || method === 'HEAD') return Buffer.alloc(0)
    const expected = Math.min(bodyLimit, Number(raw.headers['content-length'] ?? bodyLimit))
    if (receivingBytes + expected > maxReceivingBytes) throw new GatewayError('BUSY')
    receivingBytes += expected
    try {
      return await receive(raw, bodyLimit)
    } finally {
      receivingBytes -= expected
    }
  }

  async function serve (route: OpenRoute, path: string, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { method, url, headers, ingress, caller } = request
    const signal = goneSignal(reply)
    const body = await bodyOf(request, route)
    let isTaken = false
    try {
      const answer = await route.serve({
        method,
        url,
        path,
        headers,
        body,
        address: ingress.clientAddress,
        signal,
        ...(caller ? { caller } : {}),
        response () {
          isTaken = true
          reply.hijack()
          for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(name, value)
          return reply.raw
        }
      })
      if (answer) send(reply, answer, route)
    } catch (error) {
      if (!isTaken) throw error
      refuseRaw(reply, error)
    }
  }

  async function unclaimed (request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const { method, url, ingress } = request
    const path = readPath(url)
    const found = path === undefined ? undefined : plugins.route(method, path)
    if (path === undefined || !found) return reply.callNotFound()
    const unavailable = options.unavailable()
    if (unavailable) throw unavailable
    if ('allow' in found) {
      return reply.code(405).header('connection', 'close').header('allow', found.allow.join(', ')).header('content-type', 'text/plain; charset=utf-8').send('Method Not Allowed')
    }
    const { route } = found
    const { scope } = route
    if (scope !== undefined) {
      await auth.require(scope).call(fastify, request, reply)
      await serve(route, path, request, reply)
    } else {
      const subject = { address: ingress.clientAddress, loopback: ingress.kind === 'direct-local' }
      await guessLimited(limiter, subject, reply, async () => await serve(route, path, request, reply))
    }
    return reply
  }

  return unclaimed
}

/** What GET asks for comes by the door of the sockets; this is for everything else, with bodies that are nobody's to parse. */
export async function registerPluginBodies (fastify: FastifyInstance, unclaimed: Door): Promise<void> {
  await fastify.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
    scope.route({ method: ['POST', 'PUT', 'PATCH', 'DELETE'], url: '/*', handler: unclaimed })
  })
}
