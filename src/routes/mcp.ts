/** The gateway as an MCP server over streamable HTTP: the tools that programs may use, under the policy of /tools/invoke. */
import { randomUUID } from 'node:crypto'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../auth/caller.ts'
import type { OriginPolicy } from '../auth/origin.ts'
import type { HttpAuth } from '../http/auth-hook.ts'
import { refuseOtherMethods } from '../http/other-methods.ts'
import { GatewayError, isGatewayError } from '../protocol/errors.ts'
import { createMcpEndpoint, mcpError, mcpErrors, McpRefusal, mcpVersions, type McpEndpoint } from '../protocol/mcp.ts'
import type { SessionsRoom } from '../sessions/sessions.ts'
import { mcpResultOf, mcpToolOf } from '../tools/mcp/presentation.ts'
import type { ToolsRoom } from '../tools/tools.ts'

export interface McpRouteOptions {
  readonly auth: HttpAuth
  readonly origins: OriginPolicy
  readonly tools: ToolsRoom
  readonly sessions: SessionsRoom
  readonly version: string
  readonly log: { error (fields: object, message: string): void }
  readonly unavailable: () => GatewayError | undefined
}

const url = '/mcp'
const maxBodyBytes = 2 * 1024 * 1024

/** Who asks, and for which conversation. */
interface Visit {
  readonly caller: Caller
  readonly sessionKey: string | undefined
  readonly agentId: string | undefined
}

const wordOf = ({ headers }: FastifyRequest, name: string): string | undefined => {
  const value = headers[name]
  return typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, 512) : undefined
}

/** What is wrong with the request is said; what is wrong with the gateway is not. */
function refusalOf (error: unknown): unknown {
  return isGatewayError(error) && error.status < 500 ? new McpRefusal(mcpErrors.params, error.message) : error
}

function createEndpoint ({ tools, sessions, version, log }: McpRouteOptions): McpEndpoint<Visit> {
  return createMcpEndpoint<Visit>({
    info: { name: 'openclaw', version },
    async listTools ({ caller, sessionKey, agentId }) {
      try {
        const target = sessions.as(caller).target(sessionKey ?? 'main', agentId)
        const facts = { sessionKey: target.key, agentId: target.agentId, surface: 'mcp', isOwner: caller.owner } as const
        await tools.prepare(facts)
        return tools.allowed(facts).map(mcpToolOf)
      } catch (error) {
        throw refusalOf(error)
      }
    },
    async callTool ({ visit: { caller, sessionKey, agentId }, name: tool, args, signal }) {
      const outcome = await tools.invoke({ caller, surface: 'mcp', tool, args, sessionKey, agentId, signal })
      const result = mcpResultOf(outcome, caller.allows.has('operator.admin'))
      return 'unknownTool' in result ? undefined : result
    },
    failed: err => log.error({ err }, 'an MCP request failed')
  })
}

/** Ends when nobody waits for the answer any more. */
function signalOf ({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  raw.once('close', () => { if (!raw.writableFinished) controller.abort(new Error('the client went away')) })
  return controller.signal
}

/** The id under which a client takes requests back. We keep nothing under it. */
function clientOf (request: FastifyRequest, reply: FastifyReply): string {
  const isFirst = (request.body as { method?: unknown } | null)?.method === 'initialize'
  const given = isFirst ? undefined : wordOf(request, 'mcp-session-id')
  const session = given ?? randomUUID()
  if (isFirst) reply.header('mcp-session-id', session)
  return `${request.caller!.principal}\0${session}`
}

/** Undefined: this gateway speaks it. */
function versionProblem (request: FastifyRequest): string | undefined {
  const version = wordOf(request, 'mcp-protocol-version')
  return version === undefined || mcpVersions.includes(version)
    ? undefined
    : `Unsupported protocol version: ${version.slice(0, 40)}; this gateway speaks ${mcpVersions.join(', ')}`
}

export function registerMcp (fastify: FastifyInstance, options: McpRouteOptions): void {
  const { auth, sessions, unavailable } = options
  const endpoint = createEndpoint(options)
  fastify.route({
    method: 'POST',
    url,
    bodyLimit: maxBodyBytes,
    onRequest: [
      // The protocol asks for it: a page that has got hold of a token is still a foreign page.
      async request => { if (!options.origins(request.ingress, { required: false }).ok) throw new GatewayError('CROSS_SITE_REQUEST') },
      auth.require('operator.write', { keepsKeysApart: true })
    ],
    async handler (request, reply) {
      const refusal = unavailable()
      if (refusal) throw refusal
      reply.header('cache-control', 'no-store')
      const problem = versionProblem(request)
      if (problem !== undefined) return reply.code(400).send(mcpError(null, mcpErrors.request, problem))
      await sessions.ready
      const visit = { caller: request.caller!, sessionKey: wordOf(request, 'x-openclaw-session-key'), agentId: wordOf(request, 'x-openclaw-agent-id') }
      const answer = await endpoint.handle(request.body, { client: clientOf(request, reply), visit, signal: signalOf(reply) })
      if (!answer) return reply.code(202).send()
      return reply.code('error' in answer && answer.id === null ? 400 : 200).send(answer)
    }
  })
  // There is no stream of our own to open, and no session to give back.
  refuseOtherMethods(fastify, url, ['POST'])
}
