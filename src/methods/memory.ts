/** What agents remember: searched, looked after, and how its index is. */
import { oneOf, Type } from '../protocol/type.ts'
import { buildKey } from '../sessions/keys.ts'
import type { MemoryStatus } from '../tools/memory/memory.ts'
import { method, type Rooms } from './rooms.ts'
import { openObject, text } from './shapes.ts'

const agentId = Type.Optional(text({ maxLength: 256 }))
const optionalFlag = Type.Optional(Type.Boolean())

/** Where files lie is for administrators. */
function shown ({ workspace, indexFile, ...status }: MemoryStatus, { allows }: { readonly allows: ReadonlySet<string> }): object {
  return allows.has('operator.admin') ? { ...status, workspace, indexFile } : status
}

const own = ({ roster }: Rooms, agentId: string | undefined): string => roster.get(agentId).id

export const memory = {
  'memory.search': method({
    scope: 'operator.read',
    params: Type.Object({
      query: text({ maxLength: 2000 }),
      agentId,
      maxResults: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })),
      minScore: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
      corpus: Type.Optional(oneOf(['memory', 'wiki', 'all', 'sessions']))
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ agentId, ...request }, { rooms, signal }) {
      const id = own(rooms, agentId)
      return { agentId: id, ...await rooms.memory.search(request, { agentId: id, sessionKey: buildKey(id, 'main') }, signal) }
    }
  }),
  'memory.index': method({
    scope: 'operator.write',
    params: Type.Object({ agentId, force: optionalFlag }, { additionalProperties: false }),
    result: openObject,
    async handle ({ agentId, force = false }, { rooms, signal, caller }) {
      return shown(await rooms.memory.index(own(rooms, agentId), { force, signal }), caller)
    }
  }),
  'doctor.memory.status': method({
    scope: 'operator.read',
    params: Type.Object({ agentId, probe: optionalFlag, deep: optionalFlag }, { additionalProperties: true }),
    result: openObject,
    async handle ({ agentId, probe = false, deep = false }, { rooms, signal, caller }) {
      const status = await rooms.memory.status(own(rooms, agentId), { probe: probe || deep, signal })
      return { searchRuntimeRegistered: status.enabled, ...shown(status, caller) }
    }
  })
}
