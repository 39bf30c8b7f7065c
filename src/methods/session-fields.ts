/** The fields of a session that can be patched, with the types that the contract gives them. Null clears. */
import { oneOf, Type, type TSchema } from '../protocol/type.ts'
import { openObject, text } from './shapes.ts'

const optional = Type.Optional
const orNull = <T extends TSchema>(type: T) => optional(Type.Union([type, Type.Null()]))
const level = orNull(text({ maxLength: 64 }))
const permissionMode = oneOf(['read-only', 'guarded', 'workspace', 'full'])

export const patchFields = {
  label: orNull(text({ maxLength: 512 })),
  icon: orNull(Type.String({ maxLength: 64 })),
  color: orNull(Type.String({ maxLength: 64 })),
  category: orNull(text({ maxLength: 512 })),
  boardFace: optional(oneOf(['chat', 'dashboard'])),
  statusNote: orNull(Type.String({ maxLength: 120 })),
  attention: orNull(oneOf(['hand', 'key', 'alert', 'flag', 'lock', 'hourglass'])),
  ttlMinutes: optional(Type.Integer({ minimum: 1, maximum: 120 })),
  archived: optional(Type.Boolean()),
  pinned: optional(Type.Boolean()),
  unread: optional(Type.Boolean()),
  contextWindow: level,
  thinkingLevel: level,
  fastMode: orNull(Type.Union([Type.Boolean(), Type.Literal('auto')])),
  toolOverrides: orNull(openObject),
  verboseLevel: level,
  traceLevel: level,
  reasoningLevel: level,
  responseUsage: orNull(oneOf(['off', 'tokens', 'full', 'on'])),
  elevatedLevel: level,
  execHost: orNull(oneOf(['auto', 'sandbox', 'gateway', 'node'])),
  execSecurity: level,
  execAsk: level,
  execNode: orNull(text({ maxLength: 256, pattern: '\\S' })),
  permissionMode: orNull(permissionMode),
  model: orNull(text({ maxLength: 256 })),
  agentRuntime: orNull(text({ maxLength: 64 })),
  completionOwnerSessionKey: orNull(text({ maxLength: 512 })),
  inheritedToolPolicyVersion: orNull(Type.Literal(1)),
  inheritedToolAllow: orNull(Type.Array(text(), { maxItems: 1_000 })),
  inheritedToolDeny: orNull(Type.Array(text(), { maxItems: 1_000 })),
  sendPolicy: orNull(oneOf(['allow', 'deny'])),
  groupActivation: orNull(oneOf(['mention', 'always'])),
  queueMode: orNull(oneOf(['steer', 'followup', 'collect', 'interrupt']))
}

/** What the caller believes; a patch is refused when it is not so. */
export const expectations = {
  expectedSessionId: optional(text()),
  expectedLifecycleRevision: optional(text()),
  expectedPermissionMode: orNull(permissionMode),
  expectedToolOverrides: orNull(openObject),
  expectedMarkedUnreadAt: orNull(Type.Number({ minimum: 0 }))
}
