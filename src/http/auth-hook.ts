import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import type { Caller } from '../auth/caller.ts'
import type { HttpAuthenticator } from '../auth/http-credentials.ts'
import { GatewayError } from '../protocol/errors.ts'
import type { Scope } from '../protocol/scopes.ts'

export interface HttpAuth {
  /** Refuses the request at its headers, before a byte of the body is read, unless the caller holds the scope. */
  require (scope: Scope): onRequestAsyncHookHandler
  /** Who it is if it says so rightly; undefined for everybody else. Wrong guesses count all the same. */
  recognise (request: FastifyRequest): Promise<Caller | undefined>
}

const urlTokenOf = (request: FastifyRequest): string | undefined => {
  const { token } = request.query as { token?: unknown }
  return typeof token === 'string' && token !== '' ? token : undefined
}

const attemptOf = (request: FastifyRequest) => ({
  ingress: request.ingress, headers: request.headers, urlToken: urlTokenOf(request)
})

export function createHttpAuth (authenticate: HttpAuthenticator): HttpAuth {
  return {
    require: scope => async request => {
      const caller = await authenticate(attemptOf(request))
      if (!caller.allows.has(scope)) {
        throw new GatewayError('MISSING_SCOPE', { message: `missing scope: ${scope}`, details: { missingScope: scope, requiredScopes: [scope] } })
      }
      request.caller = caller
    },
    async recognise (request) {
      if (request.headers.authorization === undefined) return undefined
      try {
        return await authenticate(attemptOf(request))
      } catch (error) {
        if (error instanceof GatewayError) return undefined
        throw error
      }
    }
  }
}
