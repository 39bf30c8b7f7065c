/** The methods of the WebSocket for tools that cannot hold one open: the same checks in the same order, and the same answers. */
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { createCaller, type Caller } from '../auth/caller.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { HttpAuth } from '../http/auth-hook.ts'
import { clientGone } from '../http/client-gone.ts'
import { refusalOf } from '../http/error-handler.ts'
import { refuseOtherMethods } from '../http/other-methods.ts'
import { GatewayError } from '../protocol/errors.ts'
import { wireLimits } from '../protocol/version.ts'

export interface AdminRpcOptions {
  readonly auth: HttpAuth
  readonly config: () => LoadedConfig
  readonly call: (caller: Caller, method: string, params: unknown, signal: AbortSignal) => Promise<unknown>
}

const url = '/api/v1/admin/rpc'
const maxNameChars = 256

type Id = string | number

interface Call {
  readonly id?: Id
  readonly method: string
  readonly params: unknown
}

const invalid = (message: string): GatewayError => new GatewayError('INVALID_PARAMS', { message })
const isId = (value: unknown): value is Id | undefined =>
  value === undefined || typeof value === 'number' || (typeof value === 'string' && value.length <= maxNameChars)

function callIn (body: unknown): Call {
  const { id, method, params = {}, ...others } = (typeof body === 'object' && body !== null ? body : {}) as { readonly [field: string]: unknown }
  if (typeof method !== 'string' || method === '' || method.length > maxNameChars) {
    throw invalid('the body must be {"id": …, "method": "<name>", "params": {…}}; id and params may be left out')
  }
  if (!isId(id)) throw invalid(`id must be a number, or a string of at most ${maxNameChars} characters`)
  const [other] = Object.keys(others)
  if (other !== undefined) throw invalid(`the body has a field that means nothing here: ${other.slice(0, 64)}`)
  return { ...id === undefined ? {} : { id }, method, params }
}

/** Somebody else vouches for who these are. What they may do here they have to say. */
const vouchedFor: ReadonlySet<Caller['method']> = new Set(['none', 'trusted-proxy', 'tailscale'])

const callerIn = ({ headers, caller }: FastifyRequest): Caller =>
  vouchedFor.has(caller!.method) && headers['x-openclaw-scopes'] === undefined ? createCaller({ ...caller!, scopes: ['operator.write'] }) : caller!

async function answer (request: FastifyRequest, reply: FastifyReply, { call }: AdminRpcOptions): Promise<FastifyReply> {
  reply.header('cache-control', 'no-store')
  let id: { readonly id?: Id } = {}
  try {
    const { method, params, ...named } = callIn(request.body)
    id = named
    return await reply.send({ ...id, ok: true, payload: await call(callerIn(request), method, params, clientGone(reply.raw)) ?? {} })
  } catch (error) {
    const refusal = refusalOf(error as GatewayError, request)
    if (refusal.retryAfterMs !== undefined) reply.header('retry-after', Math.max(1, Math.ceil(refusal.retryAfterMs / 1000)))
    return await reply.code(refusal.status).send({ ...id, ok: false, error: refusal.toWire() })
  }
}

export function registerAdminRpc (fastify: FastifyInstance, options: AdminRpcOptions): void {
  const isServed = (): boolean => options.config().config.gateway.http.endpoints.adminRpc.enabled
  fastify.route({
    method: 'POST',
    url,
    bodyLimit: wireLimits.maxPayload,
    onRequest: [
      // What is switched off is not there, whoever asks.
      (_request, reply, done) => {
        if (isServed()) done()
        else reply.callNotFound()
      },
      options.auth.require('caller', { keepsKeysApart: true })
    ] as RouteOptions['onRequest'],
    handler: async (request, reply) => await answer(request, reply, options)
  })
  refuseOtherMethods(fastify, url, ['POST'], isServed)
}
