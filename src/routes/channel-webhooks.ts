/** Services that bring messages by calling us. Each account proves its own service; nothing else of the gateway is behind this door. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { AttemptLimiter, LimiterSubject } from '../auth/limiter.ts'
import type { RunningAccount, WebhookAnswer, WebhookRequest } from '../channels/define-channel.ts'
import type { Channels } from '../channels/room.ts'
import { GatewayError } from '../protocol/errors.ts'

export interface ChannelWebhooksOptions {
  /** Undefined while the configuration names no channel of this name: then nothing is loaded for it. */
  readonly channels: (channel: string) => Promise<Channels> | undefined
  /** Of one account: whoever shares an address with wrong proofs for another one is still let in. */
  readonly limiterOf: (channel: string, account: string) => AttemptLimiter
  readonly unavailable: () => GatewayError | undefined
  readonly log: { warn (fields: object, message: string): void }
}

/** Most services never send more; those that do say so, up to the second. */
const usualBodyBytes = 1024 * 1024
const maxBodyBytes = 3 * 1024 * 1024
/** Larger ones that are read or taken in at the same time. */
const maxLarge = 16
/** Anybody may send here, so not everything that comes is held at the same time. */
const maxUnderWay = 200
/** Services give up sooner or a little later. */
const answerLimitMs = 30_000

type Serve = NonNullable<RunningAccount['webhook']>

declare module 'fastify' {
  interface FastifyRequest {
    channelWebhook: Serve | null
  }
}

/** Whoever forwards requests is often on this machine, so loopback is no exemption. */
const subjectOf = ({ ingress }: FastifyRequest): LimiterSubject => ({ address: ingress.clientAddress, loopback: false })

const single = (value: unknown): string | undefined => {
  const first: unknown = Array.isArray(value) ? value[0] : value
  return typeof first === 'string' ? first : undefined
}

const singles = (values: object): { [name: string]: string | undefined } =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, single(value)]))

interface Params { readonly channel: string, readonly account: string, readonly '*'?: string }

function callOf (request: FastifyRequest): WebhookRequest {
  return {
    method: request.method,
    path: `/${(request.params as Params)['*'] ?? ''}`,
    query: singles(request.query as object),
    headers: singles(request.headers),
    body: request.body as Buffer ?? Buffer.alloc(0)
  }
}

async function answerOf (serve: Serve, call: WebhookRequest): Promise<WebhookAnswer> {
  // Not before a service calls: a gateway without channels has no need of it.
  const { contained } = await import('../channels/containment.ts')
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new GatewayError('BUSY', { message: 'it took too long' })), answerLimitMs).unref()
  try {
    return await Promise.race([contained(() => {}, async () => await serve(call)), late])
  } finally {
    clearTimeout(timer)
  }
}

function send (reply: FastifyReply, { status, body, headers = {} }: WebhookAnswer): FastifyReply {
  if (!Number.isInteger(status) || status < 200 || status > 599) throw new Error(`a channel answered with the status ${status}`)
  reply.code(status).header('cache-control', 'no-store').headers(headers)
  if (typeof body === 'string' && headers['content-type'] === undefined) reply.header('content-type', 'text/plain; charset=utf-8')
  return reply.send(body)
}

export async function registerChannelWebhooks (fastify: FastifyInstance, options: ChannelWebhooksOptions): Promise<void> {
  const { limiterOf, unavailable, log } = options
  let underWay = 0
  let large = 0

  /** Before any of it is read. */
  function admitBody ({ headers }: FastifyRequest, { raw }: FastifyReply, limitBytes: number): void {
    const bytes = headers['transfer-encoding'] === undefined ? Number(headers['content-length'] ?? 0) : limitBytes
    if (bytes > limitBytes) throw new GatewayError('PAYLOAD_TOO_LARGE', { details: { limitBytes } })
    if (bytes <= usualBodyBytes) return
    if (large >= maxLarge) throw new GatewayError('BUSY')
    large++
    raw.once('close', () => { large-- })
  }

  /** What is not there, what does not take calls and what never was look the same. */
  async function find (request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const { channel, account } = request.params as Params
    const channels = options.channels(channel)
    if (!channels) return reply.callNotFound()
    const down = unavailable()
    if (down) throw down
    const room = await channels
    // A service may come before the accounts are there, right after a start.
    if (!room.find(channel, account)) await room.settled()
    const found = room.find(channel, account)
    if (!found) return reply.callNotFound()
    const gate = limiterOf(channel, account).check('channel-auth', subjectOf(request))
    if (!gate.allowed) throw new GatewayError('AUTH_RATE_LIMITED', { retryAfterMs: gate.retryAfterMs })
    const running = found.current()
    // The service comes again, which it would not do after a 404.
    if (!running) throw new GatewayError('CHANNEL_NOT_RUNNING')
    if (!running.webhook) return reply.callNotFound()
    if (underWay >= maxUnderWay) throw new GatewayError('BUSY')
    admitBody(request, reply, Math.min(maxBodyBytes, found.channel.webhookBytes ?? usualBodyBytes))
    request.channelWebhook = call => running.webhook!(call)
    return undefined
  }

  async function handle (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    underWay++
    try {
      const answer = await answerOf(request.channelWebhook!, callOf(request))
      const { channel, account } = request.params as Params
      const limiter = limiterOf(channel, account)
      if (answer.status === 401 || answer.status === 403) limiter.recordFailure('channel-auth', subjectOf(request))
      else if (answer.status < 300) limiter.recordSuccess('channel-auth', subjectOf(request))
      return send(reply, answer)
    } catch (error) {
      if (error instanceof GatewayError) throw error
      log.warn({ err: error, channel: (request.params as Params).channel }, 'what a service brought could not be looked at')
      throw new GatewayError('BUSY', { message: 'try again' })
    } finally {
      underWay--
    }
  }

  await fastify.register(async scope => {
    scope.decorateRequest('channelWebhook', null)
    // What was signed is the body as it came.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
    for (const url of ['/webhooks/:channel/:account', '/webhooks/:channel/:account/*']) {
      scope.route({
        method: ['GET', 'POST', 'PUT'],
        url,
        bodyLimit: maxBodyBytes,
        // Under which name it is reached is between the service and whoever forwards; nothing here trusts a name.
        config: { anyHost: true },
        onRequest: find,
        handler: handle
      })
    }
  })
}
