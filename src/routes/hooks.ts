/** The door of the HTTP hooks: their own token, their own limiter, and nothing else of the gateway behind it. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Ingress } from '../auth/ingress.ts'
import type { AttemptLimiter, LimiterSubject } from '../auth/limiter.ts'
import type { HookAnswer, HookCall, Hooks, Proof } from '../automation/hooks/room.ts'
import type { LoadedConfig } from '../config/load.ts'
import { bearerOf } from '../auth/http-credentials.ts'
import { GatewayError, isGatewayError } from '../protocol/errors.ts'
import { refuseOtherMethods } from '../http/other-methods.ts'

export interface HookRoutesOptions {
  readonly config: () => LoadedConfig
  /** Loaded with the first request. */
  readonly hooks: () => Promise<Hooks>
  readonly limiter: AttemptLimiter
  /** Told whoever is turned away. */
  readonly turnedAway: (ingress: Ingress, error: GatewayError) => void
  readonly unavailable: () => GatewayError | undefined
}

const maxBodyBytes = 256 * 1024

declare module 'fastify' {
  interface FastifyRequest {
    hookProof?: Proof
  }
}

const queryTokenText = 'Hook token must be provided via Authorization: Bearer <token> or X-OpenClaw-Token header (query parameters are not allowed).'

const plain = (reply: FastifyReply, status: number, text: string): FastifyReply =>
  reply.code(status).header('content-type', 'text/plain; charset=utf-8').send(text)

const single = (value: string | string[] | undefined): string | undefined => Array.isArray(value) ? value[0] : value

const singles = (values: { readonly [name: string]: unknown }): { [name: string]: string | undefined } =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, single(value as string | string[] | undefined)]))

/** Headers that prove who sends, or say where from: no template needs them, and no model either. */
const withheld: ReadonlySet<string> = new Set(['authorization', 'x-openclaw-token', 'cookie', 'proxy-authorization'])

function callOf (request: FastifyRequest, reply: FastifyReply, path: string): HookCall {
  const gone = new AbortController()
  reply.raw.once('close', () => { if (!reply.raw.writableFinished) gone.abort(new Error('the client went away')) })
  const headers = singles(request.headers)
  for (const name of withheld) delete headers[name]
  return { path, headers, query: singles(request.query as {}), body: request.body as Buffer ?? Buffer.alloc(0), signal: gone.signal }
}

/** Loopback is no exemption: whoever forwards requests is often on this machine. */
const subjectOf = ({ ingress }: FastifyRequest): LimiterSubject => ({ address: ingress.clientAddress, loopback: false })

function send (reply: FastifyReply, { status, body, retryAfterMs }: HookAnswer): FastifyReply {
  if (retryAfterMs !== undefined) reply.header('retry-after', Math.max(1, Math.ceil(retryAfterMs / 1000)))
  if (typeof body === 'string') return plain(reply, status, body)
  return body === undefined ? reply.code(status).send() : reply.code(status).send(body)
}

const pathOf = (request: FastifyRequest): string => ((request.params as { '*'?: string })['*'] ?? '').replace(/\/+$/, '')

/** Counts what was guessed, and answers for it. A good token is let in whatever others tried. */
function refuse (reply: FastifyReply, request: FastifyRequest, { limiter, turnedAway }: HookRoutesOptions): FastifyReply {
  const subject = subjectOf(request)
  const gate = limiter.check('hook-auth', subject)
  // A body has been read only where a signature of it was looked at.
  const tried = bearerOf(request.headers) ?? request.headers['x-openclaw-token'] ?? request.body
  turnedAway(request.ingress, new GatewayError(!gate.allowed ? 'AUTH_RATE_LIMITED' : tried === undefined ? 'AUTH_TOKEN_MISSING' : 'AUTH_TOKEN_MISMATCH'))
  if (!gate.allowed) return plain(reply.header('retry-after', Math.max(1, Math.ceil(gate.retryAfterMs / 1000))), 429, 'Too Many Requests')
  limiter.recordFailure('hook-auth', subject)
  return plain(reply, 401, 'Unauthorized')
}

/** What the framework refuses before a handler is asked, in the words of this surface. */
function refused (error: Error, reply: FastifyReply): FastifyReply {
  if ((error as { code?: string }).code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return reply.code(413).header('connection', 'close').send({ ok: false, error: 'payload too large' })
  }
  if (isGatewayError(error)) return reply.code(error.status).send({ ok: false, error: error.message })
  throw error
}

/** Registered only for a gateway whose configuration switches hooks on. */
export async function registerHooks (fastify: FastifyInstance, options: HookRoutesOptions): Promise<void> {
  const { limiter, unavailable } = options
  const { hooks: settings } = options.config().config
  if (!settings.enabled) return

  await fastify.register(async scope => {
    scope.decorateRequest('hookProof')
    // What was signed is the body as it came.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    scope.setErrorHandler<Error>((error, _request, reply) => refused(error, reply))

    const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
      const down = unavailable()
      if (down) throw down
      if ((request.query as { token?: unknown }).token !== undefined) return plain(reply, 400, queryTokenText)
      const hooks = await options.hooks()
      const presented = bearerOf(request.headers) ?? single(request.headers['x-openclaw-token'])
      if (presented !== undefined && await hooks.isToken(presented)) {
        limiter.recordSuccess('hook-auth', subjectOf(request))
        request.hookProof = 'token'
        return undefined
      }
      if (presented === undefined && hooks.takesSignatures(pathOf(request))) {
        const gate = limiter.check('hook-auth', subjectOf(request))
        if (gate.allowed) return undefined
      }
      return refuse(reply, request, options)
    }

    for (const url of [settings.path, `${settings.path}/*`]) {
      scope.route({
        method: 'POST',
        url,
        bodyLimit: maxBodyBytes,
        onRequest,
        async handler (request, reply) {
          const hooks = await options.hooks()
          const call = callOf(request, reply, pathOf(request))
          const answer = await hooks.handle(call, request.hookProof ?? 'signature')
          if (request.hookProof === undefined && answer.status === 401) return refuse(reply, request, options)
          return send(reply.header('cache-control', 'no-store'), answer)
        }
      })
      refuseOtherMethods(scope, url, ['POST'])
    }
  })
}
