/** What programs that were made for OpenAI call. Loaded when one of them does. */
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import type { Runs } from '../../agent/room.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { AgentFacts } from '../../host/health.ts'
import type { HttpAuth } from '../../http/auth-hook.ts'
import { forgetEmptyBody } from '../../http/empty-body.ts'
import { refuseOtherMethods } from '../../http/other-methods.ts'
import type { Outbound } from '../../lib/outbound/outbound.ts'
import type { GatewayError } from '../../protocol/errors.ts'
import type { Scope } from '../../protocol/scopes.ts'
import type { Models } from '../../providers/model.ts'
import type { SessionsRoom } from '../../sessions/sessions.ts'
import type { Store } from '../../store/store.ts'
import type { ModelList } from './models.ts'
import { serveResponses } from './responses/serve.ts'

export interface OpenAiOptions {
  readonly auth: HttpAuth
  readonly config: () => LoadedConfig
  readonly agents: () => readonly AgentFacts[]
  readonly sessions: SessionsRoom
  readonly models: Models
  readonly runs: Runs
  readonly outbound: Outbound
  /** Sessions can be asked from here on. */
  readonly ready: () => Promise<void>
  readonly unavailable: () => GatewayError | undefined
  readonly now: () => number
  readonly store: Store
  readonly log: { error (fields: object, message: string): void, warn (fields: object, message: string): void }
}

/**
 * Gives what is to be sent, or a promise of it; nothing, once it has taken the reply over. Whoever returned the reply itself would have
 * Fastify watch its socket.
 */
type Answer = (request: FastifyRequest, reply: FastifyReply) => unknown

type Method = 'GET' | 'POST' | 'DELETE'

interface Endpoint {
  readonly method: Method
  readonly url: string
  readonly scope: Scope
  readonly isServed: () => boolean
  readonly bodyLimit?: number
  /** Further methods of the same path are served apart; every other one is refused. Default: this one alone. */
  readonly allowed?: readonly Method[]
  readonly answer: () => Promise<Answer>
}

export type Serve = (endpoint: Endpoint) => void

/** Loads what answers with the first request. */
function onceLoaded (load: () => Promise<Answer>): Answer {
  let loading: Promise<Answer> | undefined
  let answer: Answer | undefined
  return (request, reply) => {
    if (answer) return answer(request, reply)
    loading ??= load()
    return loading.then(loaded => {
      answer = loaded
      return loaded(request, reply)
    })
  }
}

export function registerOpenAi (fastify: FastifyInstance, options: OpenAiOptions): void {
  const { auth, config, unavailable } = options
  const endpoints = () => config().config.gateway.http.endpoints
  const isChat = (): boolean => endpoints().chatCompletions.enabled
  const isAny = (): boolean => isChat() || endpoints().responses.enabled
  const { maxBodyBytes } = endpoints().chatCompletions

  function serve ({ method, url, scope, isServed, answer, bodyLimit = maxBodyBytes, allowed = [method] }: Endpoint): void {
    const respond = onceLoaded(answer)
    fastify.route({
      method,
      url,
      bodyLimit,
      onRequest: [
        // What is switched off is not there, whoever asks.
        (request, reply, done) => {
          forgetEmptyBody(request)
          if (isServed()) done()
          else reply.callNotFound()
        },
        auth.require(scope, { keepsKeysApart: true })
      ] as RouteOptions['onRequest'],
      async errorHandler (error, request, reply) {
        const { answerRefusal } = await import('./errors.ts')
        return answerRefusal(error, request, reply)
      },
      handler (request, reply) {
        const refusal = unavailable()
        if (refusal) throw refusal
        return respond(request, reply)
      }
    })
    if (method === allowed[0]) refuseOtherMethods(fastify, url, allowed, isServed)
  }

  let list: Promise<ModelList> | undefined
  const modelList = async (): Promise<ModelList> =>
    await (list ??= import('./models.ts').then(({ createModelList }) => createModelList(options.agents, config)))

  serve({
    method: 'GET',
    url: '/v1/models',
    scope: 'operator.read',
    isServed: isAny,
    async answer () {
      const models = await modelList()
      return ({ caller }, reply) => {
        reply.header('content-type', 'application/json; charset=utf-8')
        return models.list(caller!)
      }
    }
  })
  serve({
    method: 'GET',
    url: '/v1/models/*',
    scope: 'operator.read',
    isServed: isAny,
    async answer () {
      const models = await modelList()
      return ({ params, caller }) => models.one((params as { '*': string })['*'], caller!)
    }
  })
  serve({
    method: 'POST',
    url: '/v1/chat/completions',
    scope: 'operator.write',
    isServed: isChat,
    async answer () {
      const { chatCompletion } = await import('./chat/chat.ts')
      return (request, reply) => chatCompletion(request, reply, options)
    }
  })
  serve({
    method: 'POST',
    url: '/v1/embeddings',
    scope: 'operator.write',
    isServed: isAny,
    async answer () {
      const { embeddings } = await import('./embeddings.ts')
      return (request, reply) => embeddings(request, reply, options)
    }
  })
  serveResponses(serve, options)
}
