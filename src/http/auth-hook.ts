import type { FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { Caller } from '../auth/caller.ts'
import type { HttpAuthenticator } from '../auth/http-credentials.ts'
import { GatewayError } from '../protocol/errors.ts'
import type { Scope } from '../protocol/scopes.ts'
import { isConfined } from '../sessions/ownership.ts'

export interface HttpAuth {
  /**
   * Refuses the request at its headers, before a byte of the body is read, unless the caller holds the scope, and an API key may come
   * here.
   */
  require (scope: RouteScope, more?: RouteRights): onRequestAsyncHookHandler
  /** Who it is if it says so rightly; undefined for everybody else. Wrong guesses count all the same. */
  recognise (request: FastifyRequest): Promise<Caller | undefined>
}

/** `caller`: whoever has a credential; what he does there needs scopes of its own. */
export type RouteScope = Scope | 'caller'

export interface RouteRights {
  /** What one API key has is kept from the others here. Without it, keys that do not see everything are refused. */
  readonly keepsKeysApart?: true
  /** A page of the Control UI reads it before it connects, so the word of tailscale is enough. */
  readonly pageRead?: true
}

/** The limits of a key, at the one place that every request with one comes by. */
function admitKey ({ key, tokenHash }: Caller, request: FastifyRequest, reply: FastifyReply, { keepsKeysApart }: RouteRights): void {
  if (!key) return
  const { method, routeOptions: { url = '' } } = request
  if (!key.mayEnter(method, url)) {
    throw new GatewayError('KEY_NOT_ALLOWED', { message: `API key "${key.name}" may not use ${method} ${url}`, details: { route: `${method} ${url}` } })
  }
  if (!keepsKeysApart && isConfined(key)) throw new GatewayError('KEY_OWN_SESSIONS_ONLY')
  const forget = key.whenEnded(() => { reply.raw.destroy() }, tokenHash)
  reply.raw.once('close', forget)
}

function countRequest ({ key }: Caller, reply: FastifyReply): void {
  const left = key?.takeRequest()
  if (!left) return
  reply.header('x-ratelimit-limit-requests', left.limit)
  reply.header('x-ratelimit-remaining-requests', left.remaining)
  reply.header('x-ratelimit-reset-requests', `${left.resetMs}ms`)
}

const urlTokenOf = (request: FastifyRequest): string | undefined => {
  const { token } = request.query as { token?: unknown }
  return typeof token === 'string' && token !== '' ? token : undefined
}

const attemptOf = (request: FastifyRequest) => ({
  ingress: request.ingress, headers: request.headers, urlToken: urlTokenOf(request)
})

/** The scope that a hook made by `require` asks for; undefined for any other one. */
export const scopeOfGuard = (hook: object): RouteScope | undefined => (hook as { readonly guards?: RouteScope }).guards

export function createHttpAuth (authenticate: HttpAuthenticator): HttpAuth {
  return {
    require: (scope, more = {}) => Object.assign<onRequestAsyncHookHandler, { guards: RouteScope }>(async (request, reply) => {
      const caller = await authenticate({ ...attemptOf(request), pageRead: more.pageRead === true })
      countRequest(caller, reply)
      if (scope !== 'caller' && !caller.allows.has(scope)) {
        throw new GatewayError('MISSING_SCOPE', { message: `missing scope: ${scope}`, details: { missingScope: scope, requiredScopes: [scope] } })
      }
      admitKey(caller, request, reply, more)
      request.caller = caller
    }, { guards: scope }),
    async recognise (request) {
      if (request.headers.authorization === undefined && request.headers['x-api-key'] === undefined) return undefined
      try {
        return await authenticate(attemptOf(request))
      } catch (error) {
        if (error instanceof GatewayError) return undefined
        throw error
      }
    }
  }
}
