/** MCP servers as operators see them, and what MCP clients of this gateway may call. Beyond the contract. */
import type { Caller } from '../auth/caller.ts'
import { GatewayError } from '../protocol/errors.ts'
import { Type } from '../protocol/type.ts'
import { mcpToolOf } from '../tools/mcp/presentation.ts'
import type { ServerStatus } from '../tools/mcp/room.ts'
import { method } from './rooms.ts'
import { noParams, openObject, text } from './shapes.ts'

const word = text({ maxLength: 512 })

/** What a server said when it failed may name files and hosts. */
const shown = ({ lastError, ...status }: ServerStatus, { allows }: Caller): object =>
  lastError !== undefined && allows.has('operator.admin') ? { ...status, lastError } : status

export const mcp = {
  'mcp.status': method({
    // Looking starts nothing.
    scope: ({ probe }) => [probe ? 'operator.admin' : 'operator.read'],
    changes: false,
    params: Type.Object({ probe: Type.Optional(Type.Boolean()), server: Type.Optional(word) }, { additionalProperties: false }),
    result: openObject,
    async handle ({ probe = false, server }, { rooms, caller }) {
      if (server !== undefined && !Object.hasOwn(rooms.config().config.mcp.servers, server)) {
        throw new GatewayError('NOT_FOUND', { message: `no MCP server is called "${server.slice(0, 100)}" in mcp.servers` })
      }
      const all = await rooms.tools.mcp.status(probe ? { server } : undefined)
      return { servers: all.filter(({ name }) => server === undefined || name === server).map(status => shown(status, caller)) }
    }
  }),

  'mcp.reload': method({
    scope: 'operator.admin',
    params: noParams,
    result: openObject,
    async handle (_params, { rooms }) {
      await rooms.reloadConfig()
      await rooms.tools.mcp.reconcile()
      return { servers: (await rooms.tools.mcp.status()).map(({ name, state }) => ({ name, state })) }
    }
  }),

  'mcp.tools': method({
    scope: 'operator.write',
    changes: false,
    params: Type.Object({ sessionKey: Type.Optional(word), agentId: Type.Optional(word) }, { additionalProperties: false }),
    result: openObject,
    async handle ({ sessionKey, agentId }, { rooms, caller }) {
      await rooms.sessions.ready
      const target = rooms.sessions.target(sessionKey ?? 'main', agentId)
      // They are called through tools.invoke, so this is the surface that is asked about.
      const facts = { sessionKey: target.key, agentId: target.agentId, surface: 'rpc', isOwner: caller.owner } as const
      await rooms.tools.prepare(facts)
      return { tools: rooms.tools.allowed(facts).map(mcpToolOf) }
    }
  })
}
