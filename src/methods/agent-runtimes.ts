/** For programs that carry out the runs of an agent themselves. What they answer is the agent's word, so it takes admin rights. */
import { Type } from '../protocol/type.ts'
import { method } from './rooms.ts'
import { openObject, text } from './shapes.ts'

const agentOnly = Type.Object({ agentId: text() }, { additionalProperties: false })

export const agentRuntimes = {
  'agents.runtime.register': method({
    scope: 'operator.admin',
    params: agentOnly,
    result: openObject,
    handle ({ agentId }, { rooms, connection }) {
      rooms.runtimes.register(agentId.toLowerCase(), connection.id)
      return { ok: true, agentId, waiting: rooms.runs.stats().queued }
    }
  }),
  'agents.runtime.unregister': method({
    scope: 'operator.admin',
    params: agentOnly,
    result: openObject,
    handle ({ agentId }, { rooms, connection }) {
      return { ok: true, agentId, unregistered: rooms.runtimes.unregister(agentId.toLowerCase(), connection.id) }
    }
  }),
  'agents.runtime.update': method({
    scope: 'operator.admin',
    params: Type.Object({
      runId: text(),
      delta: Type.Optional(Type.String()),
      final: Type.Optional(Type.Object({
        text: Type.Optional(Type.String()), stopReason: Type.Optional(text())
      }, { additionalProperties: false })),
      error: Type.Optional(Type.Object({ message: text() }, { additionalProperties: false }))
    }, { additionalProperties: false }),
    result: openObject,
    handle (update, { rooms, connection }) {
      rooms.runtimes.update(connection.id, update)
      return { ok: true }
    }
  })
}
