import { GatewayError } from '../protocol/errors.ts'
import { Type } from '../protocol/type.ts'
import { method } from './rooms.ts'
import { openObject, text } from './shapes.ts'

export const agents = {
  'agents.list': method({
    scope: 'operator.read',
    params: openObject,
    result: openObject,
    handle (_params, { rooms }) {
      const configured = rooms.agents()
      return {
        defaultId: configured.find(agent => agent.isDefault)?.agentId ?? 'main',
        ownership: configured.length > 1 ? 'explicit' : 'sole',
        selectionRequired: false,
        mainKey: 'main',
        scope: 'per-sender',
        agents: configured.map(({ agentId, name }) => ({ id: agentId, kind: 'agent', ...(name ? { name } : {}) }))
      }
    }
  }),
  'agent.identity.get': method({
    scope: 'operator.read',
    params: Type.Object({ agentId: Type.Optional(text()), sessionKey: Type.Optional(text()) }, { additionalProperties: false }),
    result: openObject,
    handle ({ agentId }, { rooms }) {
      const configured = rooms.agents()
      const agent = agentId === undefined
        ? configured.find(candidate => candidate.isDefault)
        : configured.find(candidate => candidate.agentId === agentId)
      if (!agent) throw new GatewayError('NOT_FOUND', { message: `unknown agentId: ${agentId}`, details: { agentId } })
      return { agentId: agent.agentId, name: agent.name ?? agent.agentId }
    }
  })
}
