/** Conversations over plain HTTP: a message in, the reply out, and what people ask about a conversation. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Runs } from '../../agent/room.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { HttpAuth } from '../../http/auth-hook.ts'
import { forgetEmptyBody } from '../../http/empty-body.ts'
import { refuseOtherMethods } from '../../http/other-methods.ts'
import type { GatewayError } from '../../protocol/errors.ts'
import type { SessionsRoom } from '../../sessions/sessions.ts'
import type { Requests } from '../requests/requests.ts'

export interface SessionRoutesOptions {
  readonly auth: HttpAuth
  readonly config: () => LoadedConfig
  readonly runs: Runs
  readonly sessions: SessionsRoom
  readonly requests: () => Promise<Requests>
  readonly unavailable: () => GatewayError | undefined
}

export type SessionRequest = FastifyRequest<{ Params: { key: string }, Querystring: { readonly [name: string]: unknown } }>
type Answer = (request: SessionRequest, reply: FastifyReply) => Promise<FastifyReply>

/** Loaded with the first request. */
export interface Answers {
  readonly list: Answer
  readonly show: Answer
  readonly history: Answer
  readonly send: Answer
  readonly abort: Answer
  readonly kill: Answer
}

/** `/sessions/<key>/history` and `/kill` are what the contract calls them. */
const routes: ReadonlyArray<readonly [method: 'GET' | 'POST', url: string, what: keyof Answers]> = [
  ['GET', '/api/sessions', 'list'],
  ['GET', '/api/sessions/:key', 'show'],
  ['GET', '/api/sessions/:key/history', 'history'],
  ['POST', '/api/sessions/:key/messages', 'send'],
  ['POST', '/api/sessions/:key/abort', 'abort'],
  ['GET', '/sessions/:key/history', 'history'],
  ['POST', '/sessions/:key/kill', 'kill']
]

export function registerSessions (fastify: FastifyInstance, options: SessionRoutesOptions): void {
  const { auth, config, unavailable } = options
  let loading: Promise<Answers> | undefined
  function answers (): Promise<Answers> {
    loading ??= import('./answers.ts').then(({ createAnswers }) => createAnswers(options))
    return loading
  }

  for (const [method, url, what] of routes) {
    fastify.route({
      method,
      url,
      ...(what === 'send' ? { bodyLimit: config().config.gateway.dataPlane.maxBodyBytes } : {}),
      onRequest: [
        async request => { forgetEmptyBody(request) },
        auth.require(method === 'GET' ? 'operator.sessions.read' : 'operator.sessions.write', { keepsKeysApart: true })
      ],
      async handler (request, reply) {
        const gone = unavailable()
        if (gone) throw gone
        reply.header('cache-control', 'no-store')
        return await (await answers())[what](request as SessionRequest, reply)
      }
    })
    refuseOtherMethods(fastify, url, [method])
  }
}
