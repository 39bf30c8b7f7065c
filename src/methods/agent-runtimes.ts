/**
 * For programs that carry out the runs of an agent themselves. What they answer is the agent's word, so operators need admin rights for
 * it, and nodes must be named in the configuration of the agent.
 */
import { agentEntries } from '../config/agent-entries.ts'
import { GatewayError } from '../protocol/errors.ts'
import { Type, type Static } from '../protocol/type.ts'
import { method } from './rooms.ts'
import type { Context } from './run-answers.ts'
import { openObject, text } from './shapes.ts'

const agentOnly = Type.Object({ agentId: text() }, { additionalProperties: false })
const updateParams = Type.Object({
  runId: text(),
  delta: Type.Optional(Type.String()),
  final: Type.Optional(Type.Object({
    text: Type.Optional(Type.String()), stopReason: Type.Optional(text())
  }, { additionalProperties: false })),
  error: Type.Optional(Type.Object({ message: text() }, { additionalProperties: false }))
}, { additionalProperties: false })

type AgentOnly = Static<typeof agentOnly>

function register ({ agentId }: AgentOnly, { rooms: { runtimes, runs }, connection }: Context): object {
  runtimes.register(agentId.toLowerCase(), connection.id)
  return { ok: true, agentId, waiting: runs.waiting(agentId.toLowerCase()) }
}

function registerNode (params: AgentOnly, context: Context): object {
  const { caller, rooms } = context
  const entry = agentEntries(rooms.config().config).find(({ id }) => id.toLowerCase() === params.agentId.toLowerCase())
  if (!caller.deviceId || !entry?.runtimeNodes?.includes(caller.deviceId)) {
    throw new GatewayError('FORBIDDEN', {
      message: `this node is not a runtime of agent "${params.agentId}"; add its device id to agents.entries.${params.agentId}.runtimeNodes`,
      details: { agentId: params.agentId, deviceId: caller.deviceId }
    })
  }
  return register(params, context)
}

const unregister = ({ agentId }: AgentOnly, { rooms, connection }: Context): object =>
  ({ ok: true, agentId, unregistered: rooms.runtimes.unregister(agentId.toLowerCase(), connection.id) })

function update (params: Static<typeof updateParams>, { rooms, connection }: Context): object {
  rooms.runtimes.update(connection.id, params)
  return { ok: true }
}

const common = { result: openObject, needsConnection: true } as const
const admin = { scope: 'operator.admin', ...common } as const
const node = { scope: 'node', ...common } as const

export const agentRuntimes = {
  'agents.runtime.register': method({ ...admin, params: agentOnly, handle: register }),
  'agents.runtime.unregister': method({ ...admin, params: agentOnly, handle: unregister }),
  'agents.runtime.update': method({ ...admin, params: updateParams, handle: update }),
  'node.agent.register': method({ ...node, params: agentOnly, handle: registerNode }),
  'node.agent.unregister': method({ ...node, params: agentOnly, handle: unregister }),
  'node.agent.update': method({ ...node, params: updateParams, handle: update })
}
