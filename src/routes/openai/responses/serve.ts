/** POST /v1/responses and what belongs to a response that is there. Loaded with the first request. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Scope } from '../../../protocol/scopes.ts'
import type { OpenAiOptions, Serve } from '../openai.ts'
import type { Desk } from './desk.ts'

type Work = (request: FastifyRequest, reply: FastifyReply, desk: Desk) => Promise<object | undefined>

export function serveResponses (serve: Serve, options: OpenAiOptions): void {
  const settings = () => options.config().config.gateway.http.endpoints.responses
  const common = { isServed: () => settings().enabled, bodyLimit: settings().maxBodyBytes }

  let desk: Promise<Desk> | undefined
  const theDesk = async (): Promise<Desk> => await (desk ??= import('./desk.ts').then(({ createDesk }) => createDesk(options)))

  const answer = (load: () => Promise<Work>) => async () => {
    const [work, shared] = await Promise.all([load(), theDesk()])
    return async (request: FastifyRequest, reply: FastifyReply) => await work(request, reply, shared)
  }
  const again = async () => await import('./retrieve.ts')
  const read: Scope = 'operator.read'
  const write: Scope = 'operator.write'
  const url = '/v1/responses'
  const one = `${url}/:id`

  serve({ ...common, method: 'POST', url, scope: write, answer: answer(async () => (await import('./create.ts')).createResponse) })
  serve({ ...common, method: 'GET', url: one, scope: read, allowed: ['GET', 'DELETE'], answer: answer(async () => (await again()).retrieve) })
  serve({ ...common, method: 'DELETE', url: one, scope: write, allowed: ['GET', 'DELETE'], answer: answer(async () => (await again()).remove) })
  serve({ ...common, method: 'POST', url: `${one}/cancel`, scope: write, answer: answer(async () => (await again()).cancel) })
  serve({ ...common, method: 'GET', url: `${one}/input_items`, scope: read, answer: answer(async () => (await again()).listInput) })
}
