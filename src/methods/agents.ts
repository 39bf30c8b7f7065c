/** The agents of this gateway: who there is, who they are, and how one is made, changed and deleted. */
import type { AgentProfile } from '../agent/roster/roster.ts'
import type { Caller } from '../auth/caller.ts'
import { GatewayError } from '../protocol/errors.ts'
import { Type } from '../protocol/type.ts'
import { thinkingLevels } from './model-rows.ts'
import { method, type Rooms } from './rooms.ts'
import { noParams, openObject, text } from './shapes.ts'

const word = text({ maxLength: 256 })
const path = text({ maxLength: 4096 })
/** A picture may be given as data. */
const avatar = Type.Optional(Type.String({ maxLength: 1_000_000 }))
const emoji = Type.Optional(Type.String({ maxLength: 64 }))

function runtimeOf ({ external }: AgentProfile) {
  const placement = { cloudPlacementSupported: false, devicePlacementSupported: false }
  return external ? { id: 'external', ...placement, source: 'agent' } : { id: 'auto', ...placement, source: 'implicit' }
}

/** Where things lie on this host is the business of administrators. */
function summaryOf (agent: AgentProfile, { models }: Rooms, { allows }: Caller): object {
  const { id, name, identity, workspace, thinkingDefault } = agent
  const { model, fallbacks } = models.route(id)
  const levels = thinkingLevels(model)
  return {
    id,
    kind: 'agent',
    ...(name ? { name } : {}),
    ...(Object.keys(identity).length > 0 ? { identity } : {}),
    ...(allows.has('operator.admin') ? { workspace } : {}),
    model: {
      primary: `${model.provider}/${model.id}`,
      ...(fallbacks.length > 0 ? { fallbacks: fallbacks.map(fallback => `${fallback.provider}/${fallback.id}`) } : {})
    },
    agentRuntime: runtimeOf(agent),
    thinkingLevels: levels,
    thinkingOptions: levels.map(level => level.id),
    thinkingDefault
  }
}

/** Refused rather than written: an agent with it could not answer anybody. */
function checkModel (name: string | null | undefined, { models }: Rooms): void {
  if (typeof name !== 'string' || models.find(name)) return
  throw new GatewayError('INVALID_PARAMS', { message: `nobody serves the model "${name}"; models.list says who serves what`, details: { model: name } })
}

/** Lists and rows tell of an agent only once it is configured: whoever shows them reads them again. */
function announce ({ events, health, sessions, config, now }: Rooms): void {
  const { path, hash } = config()
  health.json({ fresh: true })
  events.emit('config.changed', { path, hash, ts: now() })
  sessions.parts.announcements.changed('agents')
}

export const agents = {
  'agents.list': method({
    scope: 'operator.read',
    params: noParams,
    result: openObject,
    handle (_params, { rooms, caller }) {
      const all = rooms.roster.list()
      return {
        defaultId: rooms.roster.get().id,
        ownership: all.length > 1 ? 'explicit' : 'sole',
        selectionRequired: false,
        mainKey: 'main',
        scope: rooms.config().config.session.scope,
        agents: all.map(agent => summaryOf(agent, rooms, caller))
      }
    }
  }),
  /** Not in the contract, whose summaries have no room for it. */
  'agents.presence': method({
    scope: 'operator.read',
    params: noParams,
    result: openObject,
    handle (_params, { rooms: { roster, runs, runtimes } }) {
      const active = runs.active().map(({ sessionKey }) => sessionKey.split(':')[1])
      return {
        agents: roster.list().map(({ id, external }) => {
          const agentId = id.toLowerCase()
          const activeRuns = active.filter(owner => owner === agentId).length
          const state = external ? runtimes.presence(agentId, activeRuns > 0) : { state: activeRuns > 0 ? 'online' : 'idle' }
          return { id, runtime: external ? 'external' : 'internal', ...state, activeRuns, waitingMessages: runs.waiting(agentId) }
        })
      }
    }
  }),
  'agents.create': method({
    scope: 'operator.admin',
    controlPlane: true,
    params: Type.Object({
      name: word, workspace: Type.Optional(path), model: Type.Optional(word), emoji, avatar
    }, { additionalProperties: false }),
    result: openObject,
    async handle (request, { rooms }) {
      checkModel(request.model, rooms)
      const { id, workspace } = await rooms.roster.create(request)
      announce(rooms)
      return { ok: true, agentId: id, name: request.name, workspace, ...(request.model ? { model: request.model } : {}) }
    }
  }),
  'agents.update': method({
    scope: 'operator.admin',
    controlPlane: true,
    params: Type.Object({
      agentId: word,
      name: Type.Optional(word),
      workspace: Type.Optional(path),
      model: Type.Optional(Type.Union([word, Type.Null()])),
      emoji,
      avatar,
      theme: Type.Optional(Type.String({ maxLength: 256 }))
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ agentId, ...change }, { rooms }) {
      checkModel(change.model, rooms)
      const { id } = await rooms.roster.update(agentId, change)
      announce(rooms)
      return { ok: true, agentId: id }
    }
  }),
  'agents.delete': method({
    scope: 'operator.admin',
    controlPlane: true,
    params: Type.Object({ agentId: word, deleteFiles: Type.Optional(Type.Boolean()) }, { additionalProperties: false }),
    result: openObject,
    async handle ({ agentId, deleteFiles = true }, { rooms }) {
      const removal = await rooms.roster.remove(agentId, { deleteFiles })
      await rooms.memory.forget(removal.agentId)
      announce(rooms)
      return { ok: true, ...removal }
    }
  }),
  'agent.identity.get': method({
    scope: 'operator.read',
    params: Type.Object({ agentId: Type.Optional(text()), sessionKey: Type.Optional(Type.String()) }, { additionalProperties: false }),
    result: openObject,
    async handle ({ agentId, sessionKey }, { rooms: { roster, sessions } }) {
      const agent = roster.get(agentId ?? (sessionKey ? sessions.target(sessionKey).agentId : undefined))
      return { agentId: agent.id, ...await roster.identity(agent) }
    }
  })
}
