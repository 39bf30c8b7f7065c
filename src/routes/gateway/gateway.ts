/** The data plane: one message in, one reply out, for webhooks, bridges and whatever else knows nothing of our protocol. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { LoadedConfig } from '../../config/load.ts'
import type { HttpAuth } from '../../http/auth-hook.ts'
import { refuseOtherMethods } from '../../http/other-methods.ts'
import type { Outbound } from '../../lib/outbound/outbound.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { Models } from '../../providers/model.ts'
import type { SessionsRoom } from '../../sessions/sessions.ts'
import type { Files } from '../../tools/files/files.ts'
import type { Requests } from '../requests/requests.ts'

export interface DataPlaneOptions {
  readonly auth: HttpAuth
  readonly config: () => LoadedConfig
  readonly sessions: SessionsRoom
  readonly models: Pick<Models, 'find' | 'allowed'>
  readonly files: Files
  readonly outbound: () => Outbound
  readonly requests: () => Promise<Requests>
  readonly unavailable: () => GatewayError | undefined
}

type Answer = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>

/** Loaded with the first request. */
export interface Answers {
  readonly messages: Answer
  readonly stream: Answer
  readonly status: Answer
  readonly cancel: Answer
  readonly refused: (error: Error, request: FastifyRequest, reply: FastifyReply) => FastifyReply
}

/** A single colon would begin a parameter. */
const urls = {
  messages: '/v1/gateway/messages', stream: '/v1/gateway/messages::stream', status: '/v1/gateway/status', cancel: '/v1/gateway/cancel'
}

export async function registerDataPlane (fastify: FastifyInstance, options: DataPlaneOptions): Promise<void> {
  const { auth, config, unavailable } = options
  const settings = () => config().config.gateway.dataPlane
  let loading: Promise<Answers> | undefined
  function answers (): Promise<Answers> {
    loading ??= import('./answers.ts').then(({ createAnswers }) => createAnswers(options))
    return loading
  }

  await fastify.register(async scope => {
    // Bridges send whatever type they like; what it has to be is JSON.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
    scope.setErrorHandler<Error>(async (error, request, reply) => (await answers()).refused(error, request, reply))
    scope.addHook('onRequest', async (_request, reply) => settings().enabled ? undefined : reply.callNotFound())

    const serve = (method: 'GET' | 'POST', what: keyof typeof urls, scopeName: 'operator.read' | 'operator.write', bodyLimit?: number): void => {
      scope.route({
        method,
        url: urls[what],
        ...(bodyLimit === undefined ? {} : { bodyLimit }),
        onRequest: auth.require(scopeName, { keepsKeysApart: true }),
        async handler (request, reply) {
          const gone = unavailable()
          if (gone) throw gone
          return await (await answers())[what](request, reply)
        }
      })
      refuseOtherMethods(scope, urls[what], [method], () => settings().enabled)
    }
    serve('POST', 'messages', 'operator.write', settings().maxBodyBytes)
    serve('POST', 'stream', 'operator.write', settings().maxBodyBytes)
    serve('GET', 'status', 'operator.read')
    serve('POST', 'cancel', 'operator.write', 64 * 1024)
  })
}
