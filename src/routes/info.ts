import type { FastifyInstance } from 'fastify'
import type { HttpAuth } from '../http/auth-hook.ts'

export interface InfoOptions {
  readonly auth: HttpAuth
  readonly version: string
  readonly basePath: () => string
  readonly defaultAgent: () => { agentId: string, name?: string }
}

/** What a web UI asks before it connects, and a signpost for people who open the port in a browser. */
export function registerInfo (fastify: FastifyInstance, options: InfoOptions): void {
  fastify.get('/control-ui-config.json', { onRequest: options.auth.require('operator.read', { pageRead: true }) }, (_request, reply) => {
    const agent = options.defaultAgent()
    return reply.header('cache-control', 'no-store').send({
      basePath: options.basePath(),
      assistantName: agent.name ?? agent.agentId,
      assistantAvatar: null,
      assistantAgentId: agent.agentId,
      serverVersion: options.version,
      terminalEnabled: false
    })
  })

  fastify.get('/', (_request, reply) => reply.header('cache-control', 'no-store').send({
    name: 'openclaw-gateway',
    websocket: 'Open a WebSocket on this port and answer connect.challenge with a connect request.',
    health: '/health',
    readiness: '/readyz'
  }))
}
