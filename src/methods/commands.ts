import { commandList } from '../agent/commands.ts'
import { oneOf, Type } from '../protocol/type.ts'
import { modelRows } from './model-rows.ts'
import { method, type Rooms } from './rooms.ts'
import { sessionRead } from './session-scopes.ts'
import { openObject, text } from './shapes.ts'

const { Optional: optional } = Type

/** What the composer of a conversation offers. */
export async function metadataOf (rooms: Rooms, agentId?: string): Promise<{ models: object[], commands: object[] }> {
  const { models, roster } = rooms
  const { id, thinkingDefault } = roster.get(agentId)
  const named = await models.list('configured')
  const row = modelRows({ models, agentId: id, thinkingDefault }, named)
  return { models: named.filter(model => models.allowed(model, id)).map(row), commands: commandsOf(rooms, false) }
}

function commandsOf ({ config }: Rooms, includeArgs: boolean): object[] {
  return commandList(config().config.session.resetTriggers).map(({ args, ...entry }) => includeArgs && args ? { ...entry, args } : entry)
}

export const commands = {
  'commands.list': method({
    scope: 'operator.read',
    params: Type.Object({
      sessionKey: optional(text()),
      agentId: optional(text()),
      provider: optional(text()),
      scope: optional(oneOf(['text', 'native', 'both'])),
      includeArgs: optional(Type.Boolean())
    }, { additionalProperties: false }),
    result: openObject,
    handle: ({ scope, includeArgs = true }, { rooms }) => ({ commands: scope === 'native' ? [] : commandsOf(rooms, includeArgs) })
  }),
  'chat.metadata': method({
    scope: sessionRead,
    changes: false,
    params: Type.Object({ agentId: optional(text()), sessionKey: optional(text({ maxLength: 512 })) }, { additionalProperties: false }),
    result: openObject,
    handle ({ sessionKey, agentId }, { rooms }) {
      return metadataOf(rooms, sessionKey ? rooms.sessions.target(sessionKey, agentId).agentId : agentId)
    }
  })
}
