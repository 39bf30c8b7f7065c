import type { FastifyInstance, HTTPMethods, RouteOptions } from 'fastify'

const known: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

declare module 'fastify' {
  interface FastifyContextConfig {
    /** There to say that a method is the wrong one. */
    isRefusal?: boolean
  }
}

export const isRefusal = ({ config }: RouteOptions): boolean => config?.isRefusal === true

/** Answered before credentials are looked at: what is wrong is the method, whoever asks. */
export function refuseOtherMethods (
  fastify: FastifyInstance, url: string, allowed: readonly HTTPMethods[], isServed: () => boolean = () => true
): void {
  fastify.route({
    method: known.filter(method => !allowed.includes(method) && !(method === 'HEAD' && allowed.includes('GET'))),
    url,
    config: { isRefusal: true },
    async onRequest (_request, reply) {
      if (!isServed()) return reply.callNotFound()
      return reply.code(405).header('allow', allowed.join(', ')).header('content-type', 'text/plain; charset=utf-8').send('Method Not Allowed')
    },
    handler: () => ''
  })
}
