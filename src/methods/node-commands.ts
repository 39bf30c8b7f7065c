/** Commands that nodes are asked for, and what they answer and tell. */
import { GatewayError } from '../protocol/errors.ts'
import { oneOf, Type } from '../protocol/type.ts'
import type { Caller } from '../auth/caller.ts'
import { isHostCommand } from '../auth/devices/node-surface.ts'
import type { NodeVoice } from '../nodes/room.ts'
import type { MethodConnection } from '../rpc/connection.ts'
import type { NodeQuestion } from '../tools/nodes/port.ts'
import { method, type Rooms } from './rooms.ts'
import { noParams, okResult, openObject, text } from './shapes.ts'

const optional = Type.Optional
const closed = { additionalProperties: false } as const
const nodeId = text({ maxLength: 256 })
const command = text({ maxLength: 256 })
const sequence = Type.Integer({ minimum: 0 })
const toolName = text({ maxLength: 64, pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$' })

/** Asked by an operator without administrator's rights, these would be a way around them. Where a program lies is no secret. */
const needsAdmin = (command: string): boolean => isHostCommand(command) && command !== 'system.which'

const voiceOf = (caller: Caller, connection: MethodConnection): NodeVoice => ({ nodeId: caller.deviceId ?? '', connectionId: connection.id })

/** Nobody speaks for another node. */
function ownVoice (caller: Caller, connection: MethodConnection, said: string): NodeVoice {
  const voice = voiceOf(caller, connection)
  if (voice.nodeId !== said) throw new GatewayError('FORBIDDEN', { message: 'nodeId mismatch', details: { nodeId: said } })
  return voice
}

const answered = (wasTaken: boolean) => wasTaken ? { ok: true as const } : { ok: true as const, ignored: true }

/** Consent is given by people to this gateway, never by whoever asks. */
async function invoke (rooms: Rooms, request: NodeQuestion, signal: AbortSignal) {
  const { withoutDecisions } = await import('../nodes/nodes.ts')
  return await (await rooms.nodes()).invoke({ ...request, params: withoutDecisions(request.params) }, signal)
}

const approvalTimeoutMs = 15_000

export const nodeCommands = {
  'node.invoke': method({
    scope: ({ command }) => [needsAdmin(command) ? 'operator.admin' : 'operator.write'],
    params: Type.Object({
      nodeId,
      command,
      params: optional(Type.Unknown()),
      timeoutMs: optional(Type.Integer({ minimum: 0 })),
      idempotencyKey: text({ maxLength: 512 }),
      sessionKey: optional(text({ maxLength: 512 })),
      turnSourceChannel: optional(Type.String({ maxLength: 256 })),
      turnSourceTo: optional(Type.String({ maxLength: 512 })),
      turnSourceAccountId: optional(Type.String({ maxLength: 256 })),
      turnSourceThreadId: optional(Type.Union([Type.String({ maxLength: 512 }), Type.Number()]))
    }, closed),
    result: openObject,
    async handle ({ nodeId, command, params, timeoutMs, idempotencyKey, sessionKey }, { rooms, signal }) {
      const more = { ...(timeoutMs ? { timeoutMs } : {}), ...(sessionKey ? { sessionKey } : {}) }
      return { ...await invoke(rooms, { nodeId, command, params, idempotencyKey, ...more }, signal) }
    }
  }),
  'node.invoke.result': method({
    scope: 'node',
    params: Type.Object({
      id: text({ maxLength: 256 }),
      nodeId,
      ok: Type.Boolean(),
      payload: optional(Type.Unknown()),
      payloadJSON: optional(Type.Union([Type.String(), Type.Null()])),
      error: optional(Type.Union([
        Type.Object({ code: optional(text({ maxLength: 256 })), message: optional(text({ maxLength: 16_384 })) }, closed), Type.Null()
      ]))
    }, closed),
    result: okResult,
    needsConnection: true,
    async handle ({ payloadJSON, error, ...result }, { rooms, caller, connection }) {
      const voice = ownVoice(caller, connection, result.nodeId)
      const more = { ...(typeof payloadJSON === 'string' ? { payloadJSON } : {}), ...(error ? { error } : {}) }
      return answered((await rooms.nodes()).result(voice, { ...result, ...more }))
    }
  }),
  'node.invoke.progress': method({
    scope: 'node',
    params: Type.Object({ invokeId: text({ maxLength: 256 }), nodeId, seq: sequence, chunk: Type.String({ maxLength: 16_384 }) }, closed),
    result: okResult,
    needsConnection: true,
    handle: async (progress, { rooms, caller, connection }) =>
      answered((await rooms.nodes()).progress(ownVoice(caller, connection, progress.nodeId), progress))
  }),
  'node.event': method({
    scope: 'node',
    params: Type.Object({
      event: text({ maxLength: 256 }), payload: optional(Type.Unknown()), payloadJSON: optional(Type.Union([Type.String(), Type.Null()]))
    }, closed),
    result: openObject,
    needsConnection: true,
    async handle ({ event, payload, payloadJSON }, { rooms, caller, connection }) {
      let said: unknown = payload
      if (typeof payloadJSON === 'string') {
        try {
          said = JSON.parse(payloadJSON)
        } catch {
          return { ok: true, event, handled: false, reason: 'invalid_payload' }
        }
      }
      return { ...await (await rooms.nodes()).event(voiceOf(caller, connection), event, said) }
    }
  }),
  'node.pending.enqueue': method({
    scope: 'operator.write',
    params: Type.Object({
      nodeId,
      type: oneOf(['status.request', 'location.request']),
      priority: optional(oneOf(['normal', 'high'])),
      expiresInMs: optional(Type.Integer({ minimum: 1000, maximum: 86_400_000 })),
      wake: optional(Type.Boolean())
    }, closed),
    result: openObject,
    async handle ({ nodeId, type, priority, expiresInMs }, { rooms }) {
      if (!rooms.devices.listPaired(new Set()).some(({ deviceId, roles }) => deviceId === nodeId && roles.includes('node'))) {
        throw new GatewayError('NODE_UNKNOWN', { details: { nodeId } })
      }
      const { pending } = await rooms.nodes()
      const queued = await pending.enqueue(nodeId, { type, ...(priority ? { priority } : {}), ...(expiresInMs ? { expiresInMs } : {}) })
      // There is no push service here: a node asks when it is here again.
      return { nodeId, ...queued, wakeTriggered: false }
    }
  }),
  'node.pending.drain': method({
    scope: 'node',
    params: Type.Object({ maxItems: optional(Type.Integer({ minimum: 1, maximum: 10 })) }, closed),
    result: openObject,
    async handle ({ maxItems }, { rooms, caller, connection }) {
      const { nodeId } = voiceOf(caller, connection)
      return { nodeId, ...await (await rooms.nodes()).pending.drain(nodeId, maxItems) }
    }
  }),
  'node.pending.pull': method({
    scope: 'node',
    params: noParams,
    result: openObject,
    async handle (_params, { rooms, caller, connection }) {
      const { nodeId } = voiceOf(caller, connection)
      return { nodeId, actions: [...(await rooms.nodes()).actions.pull(nodeId)] }
    }
  }),
  'node.pending.ack': method({
    scope: 'node',
    params: Type.Object({ ids: Type.Array(text({ maxLength: 256 }), { minItems: 1, maxItems: 256 }) }, closed),
    result: openObject,
    async handle ({ ids }, { rooms, caller, connection }) {
      const { nodeId } = voiceOf(caller, connection)
      const { actions } = await rooms.nodes()
      return { nodeId, ackedCount: actions.ack(nodeId, ids), ackedIds: ids, remainingCount: actions.pull(nodeId).length }
    }
  }),
  'node.pluginTools.update': method({
    scope: 'node',
    params: Type.Object({
      tools: Type.Array(Type.Object({
        pluginId: text({ maxLength: 128 }),
        name: toolName,
        description: text({ maxLength: 4096 }),
        parameters: optional(openObject),
        command: optional(command),
        mcp: optional(Type.Object({ server: text({ maxLength: 128 }), tool: text({ maxLength: 256 }) }, closed))
      }, closed), { maxItems: 128 })
    }, closed),
    result: openObject,
    needsConnection: true,
    async handle ({ tools }, { rooms, caller, connection }) {
      const { offers } = await rooms.nodes()
      const voice = voiceOf(caller, connection)
      const taken = offers.take(voice, tools)
      return { nodeId: voice.nodeId, tools: offers.of(voice.nodeId).map(({ pluginId, name }) => ({ pluginId, name })), ...taken }
    }
  }),
  'node.skills.update': method({
    scope: 'node',
    params: Type.Object({
      skills: Type.Array(Type.Object({
        name: text({ maxLength: 64, pattern: '^(?!.*--)[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$' }),
        description: text({ maxLength: 1024 }),
        content: text({ maxLength: 65_536 })
      }, closed), { maxItems: 64 })
    }, closed),
    result: openObject,
    needsConnection: true,
    async handle ({ skills }, { rooms, caller, connection }) {
      const { skills: known } = await rooms.nodes()
      const voice = voiceOf(caller, connection)
      const taken = known.take(voice, skills)
      return { nodeId: voice.nodeId, skills: known.of(voice.nodeId).map(({ name, description }) => ({ name, description })), ...taken }
    }
  }),
  'node.runnerInventory.update': method({
    scope: 'node',
    advertise: false,
    params: openObject,
    result: openObject,
    // Agents do not live on nodes here, so there is nothing to keep of what they could run.
    handle: () => ({ ok: true, accepted: false, reason: 'this gateway does not place agents on nodes' })
  }),
  'skills.bins': method({
    scope: 'node',
    params: noParams,
    result: openObject,
    // No program is allowed by itself because a skill mentions it.
    handle: () => ({ bins: [] })
  }),
  'exec.approvals.node.get': method({
    scope: 'operator.admin',
    params: Type.Object({ nodeId }, closed),
    result: openObject,
    handle: async ({ nodeId }, { rooms, signal }) => {
      const request = { nodeId, command: 'system.execApprovals.get', params: {}, timeoutMs: approvalTimeoutMs }
      return (await (await rooms.nodes()).invoke(request, signal)).payload as {}
    }
  }),
  'exec.approvals.node.set': method({
    scope: 'operator.admin',
    params: Type.Object({ nodeId, file: openObject, baseHash: optional(text({ maxLength: 256 })) }, closed),
    result: openObject,
    handle: async ({ nodeId, ...params }, { rooms, signal }) => {
      const request = { nodeId, command: 'system.execApprovals.set', params, timeoutMs: approvalTimeoutMs }
      return (await (await rooms.nodes()).invoke(request, signal)).payload as {}
    }
  })
}
