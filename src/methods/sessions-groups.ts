import { Type } from '../protocol/type.ts'
import { method } from './rooms.ts'
import { noParams, openObject, text } from './shapes.ts'

const name = text({ maxLength: 512 })
const names = Type.Array(name, { maxItems: 1_000 })

export const sessionsGroups = {
  'sessions.groups.list': method({
    scope: 'operator.read',
    params: noParams,
    result: openObject,
    handle: (_params, { rooms }) => rooms.sessions.groups.list()
  }),
  'sessions.groups.defaults': method({
    scope: 'operator.write',
    changes: false,
    params: noParams,
    result: openObject,
    handle: async (_params, { rooms }) => ({ defaults: await rooms.sessions.groups.defaults() })
  }),
  'sessions.groups.put': method({
    scope: 'operator.write',
    params: Type.Object({ names, sectionOrder: Type.Optional(names) }, { additionalProperties: false }),
    result: openObject,
    handle: async ({ names, sectionOrder }, { rooms }) => ({ ok: true, ...await rooms.sessions.groups.put(names, sectionOrder) })
  }),
  'sessions.groups.rename': method({
    scope: 'operator.write',
    params: Type.Object({ name, to: name }, { additionalProperties: false }),
    result: openObject,
    handle: async ({ name, to }, { rooms }) => ({ ok: true, ...await rooms.sessions.groups.rename(name, to) })
  }),
  'sessions.groups.update': method({
    scope: 'operator.write',
    params: Type.Object({ name, cwd: Type.Union([text(), Type.Null()]), worktree: Type.Boolean() }, { additionalProperties: false }),
    result: openObject,
    handle: async ({ name, ...defaults }, { rooms }) => ({ ok: true, defaults: await rooms.sessions.groups.update(name, defaults) })
  }),
  'sessions.groups.delete': method({
    scope: 'operator.write',
    params: Type.Object({ name }, { additionalProperties: false }),
    result: openObject,
    handle: async ({ name }, { rooms }) => ({ ok: true, ...await rooms.sessions.groups.remove(name) })
  })
}
