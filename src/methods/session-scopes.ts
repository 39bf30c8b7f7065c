/** Sessions can be opened to callers who may do nothing else: whatever reads or writes one is admitted by the narrower scope too. */
import type { Caller } from '../auth/caller.ts'
import type { Scope } from '../protocol/scopes.ts'
import type { AnyScope } from '../rpc/define-method.ts'

export const sessionRead: AnyScope = { anyOf: ['operator.sessions.read', 'operator.read'] }
export const sessionWrite: AnyScope = { anyOf: ['operator.sessions.write', 'operator.write'] }

const write = ({ allows }: Caller): readonly Scope[] =>
  [allows.has('operator.sessions.write') ? 'operator.sessions.write' : 'operator.write']

const admin: readonly Scope[] = ['operator.admin']

/** What may be changed about a session by whoever may write in it; everything else is a matter of rights. */
const organisation: ReadonlySet<string> = new Set([
  'key', 'agentId', 'expectedSessionId', 'expectedLifecycleRevision', 'expectedPermissionMode', 'expectedMarkedUnreadAt', 'label', 'icon', 'color',
  'category', 'boardFace', 'statusNote', 'attention', 'ttlMinutes', 'pinned', 'archived', 'unread', 'model', 'agentRuntime', 'contextWindow',
  'thinkingLevel', 'fastMode', 'permissionMode'
])

const organises = (patch: { readonly [field: string]: unknown }): boolean =>
  Object.keys(patch).every(field => organisation.has(field)) && patch.permissionMode !== 'full'

export const patchScope = (params: object, caller: Caller): readonly Scope[] =>
  organises(params as { [field: string]: unknown }) ? write(caller) : admin

export const patchManyScope = ({ patch }: { patch: object }, caller: Caller): readonly Scope[] => patchScope(patch, caller)

/** Conversations that leave no trace, and hosts that are not this one, are for administrators. */
export function createScope (params: object, caller: Caller): readonly Scope[] {
  const { incognito, execNode, cwd, permissionMode, toolOverrides, key } = params as { [field: string]: unknown }
  const needsAdmin = incognito === true || execNode !== undefined || cwd !== undefined || permissionMode === 'full' || toolOverrides !== undefined ||
    (typeof key === 'string' && /:incognito-/i.test(key))
  return needsAdmin ? admin : write(caller)
}

const plainDelete: ReadonlySet<string> = new Set([
  'key', 'agentId', 'archivedOnly', 'expectedSessionId', 'expectedLifecycleRevision', 'expectedSessionUpdatedAt'
])

export const deleteScope = (params: object, caller: Caller): readonly Scope[] =>
  (params as { archivedOnly?: boolean }).archivedOnly === true && Object.keys(params).every(field => plainDelete.has(field))
    ? write(caller)
    : admin
