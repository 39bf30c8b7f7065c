/** Tools as operators see them: which there are, which a session has and why, and calling one. */
import type { Caller } from '../auth/caller.ts'
import { GatewayError } from '../protocol/errors.ts'
import { oneOf, Type } from '../protocol/type.ts'
import type { InvokeOutcome } from '../tools/invocation.ts'
import { planOf, resultOf } from '../tools/presentation.ts'
import { method, type Rooms } from './rooms.ts'
import { openObject, text } from './shapes.ts'
import { catalogOf, effectiveOf } from './tool-rows.ts'

const word = text({ maxLength: 512 })
const place = { sessionKey: Type.Optional(word), agentId: Type.Optional(word) }

const named = ({ sessions }: Rooms, sessionKey: string | undefined, agentId: string | undefined) => sessions.target(sessionKey ?? 'main', agentId)

/** The contract's envelope: a refusal by a tool or by the policy is an answer, not an error of the request. */
function envelopeOf (outcome: InvokeOutcome, caller: Caller): object {
  const { toolName } = outcome
  const refused = (code: string, message: string, more: object = {}) => ({ ok: false, toolName, error: { code, message, ...more } })
  switch (outcome.kind) {
    case 'done': return { ok: true, toolName, output: resultOf(outcome), source: outcome.source }
    case 'would': return { ok: true, toolName, output: planOf(outcome, caller.allows.has('operator.admin')), source: outcome.source }
    case 'unavailable': return refused('not_found', `Tool not available: ${toolName}`, outcome.why ? { details: outcome.why } : {})
    case 'invalid': return refused(outcome.at === 'tool' ? 'tool_error' : 'invalid_request', outcome.message)
    case 'blocked': return { ...refused('tool_call_blocked', outcome.message), ...(outcome.requiresApproval ? { requiresApproval: true } : {}) }
    case 'failed': return refused('tool_error', outcome.message, { details: { errorId: outcome.errorId } })
  }
}

export const tools = {
  'tools.catalog': method({
    scope: 'operator.read',
    params: Type.Object({ agentId: Type.Optional(word), includePlugins: Type.Optional(Type.Boolean()) }, { additionalProperties: false }),
    result: openObject,
    async handle ({ agentId, includePlugins = true }, { rooms, caller }) {
      const { key: sessionKey, agentId: id } = named(rooms, undefined, agentId)
      await rooms.sessions.ready
      if (includePlugins) await rooms.tools.prepare({ sessionKey, agentId: id, isOwner: caller.owner })
      return catalogOf(id, (await rooms.tools.registry()).all(), includePlugins)
    }
  }),

  'tools.effective': method({
    scope: 'operator.read',
    params: Type.Object({ sessionKey: word, agentId: Type.Optional(word) }, { additionalProperties: false }),
    result: openObject,
    async handle ({ sessionKey, agentId }, { rooms, caller }) {
      await rooms.sessions.ready
      const target = named(rooms, sessionKey, agentId)
      const facts = { sessionKey: target.key, agentId: target.agentId, surface: 'run', isOwner: caller.owner } as const
      await rooms.tools.prepare(facts)
      const allowed = rooms.tools.allowed(facts)
      return effectiveOf(target.agentId, rooms.config().config, allowed)
    }
  }),

  'tools.why': method({
    scope: 'operator.admin',
    changes: false,
    params: Type.Object({ tool: word, ...place, surface: Type.Optional(oneOf(['run', 'http', 'rpc', 'mcp'])) }, { additionalProperties: false }),
    result: openObject,
    async handle ({ tool, sessionKey, agentId, surface = 'run' }, { rooms, caller }) {
      await rooms.sessions.ready
      const target = named(rooms, sessionKey, agentId)
      const facts = { sessionKey: target.key, agentId: target.agentId, surface, isOwner: caller.owner }
      if (!(await rooms.tools.registry()).find(tool)) await rooms.tools.mcp.prepareFor(tool, () => true)
      const found = await rooms.tools.why(tool, facts)
      if (!found) throw new GatewayError('NOT_FOUND', { message: `no tool is called "${tool.slice(0, 100)}"` })
      const { name, capability, groups, reach, aliases = [] } = found.tool
      return { tool: name, aliases, capability, groups, reach, sessionKey: target.key, agentId: target.agentId, surface, ...found.verdict }
    }
  }),

  'tools.invoke': method({
    scope: 'operator.write',
    // The room keeps them together with those of HTTP.
    ownsIdempotency: true,
    params: Type.Object({
      name: word,
      action: Type.Optional(word),
      args: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      ...place,
      confirm: Type.Optional(Type.Boolean()),
      idempotencyKey: Type.Optional(word),
      conversationReadOrigin: Type.Optional(Type.Literal('direct-operator')),
      dryRun: Type.Optional(Type.Boolean())
    }, { additionalProperties: false }),
    result: openObject,
    async handle ({ name, action, args = {}, sessionKey, agentId, idempotencyKey, dryRun }, { rooms, caller, signal }) {
      await rooms.sessions.ready
      return envelopeOf(await rooms.tools.invoke({
        caller, surface: 'rpc', tool: name, action, args, sessionKey, agentId, idempotencyKey, isDryRun: dryRun, signal
      }), caller)
    }
  })
}
