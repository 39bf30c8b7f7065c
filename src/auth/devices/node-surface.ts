import { randomUUID } from 'node:crypto'
import { GatewayError } from '../../protocol/errors.ts'
import type { Scope } from '../../protocol/scopes.ts'
import { hasRole } from './authority.ts'
import { deviceLimits, freshDevice, type DeviceContext } from './context.ts'
import { denied, firstMissing, mayActOn, missingScope } from './permissions.ts'
import { put, remove, type Change } from './records.ts'
import { byTime, nodeSummaryOf } from './summaries.ts'
import type { ApprovedNodeSurface, NodeDeclaration, NodeSummary, NodeSurface, NodeSurfaceRecord, PendingNodeSurface } from './node-types.ts'
import type { Devices } from './room.ts'
import type { DeviceCaller, PairedDevice } from './types.ts'

export type NodeSurfaces = Pick<Devices,
  'declareSurface' | 'effectiveSurface' | 'nodePairList' | 'nodeApprove' | 'nodeReject' | 'nodeRemove' | 'nodeRename'>

/** Commands that run programs, read files or drive a browser on the node: only an administrator lets a node offer them. */
export const hostCommands: readonly string[] = [
  'system.run', 'system.run.prepare', 'system.which', 'system.execApprovals.get', 'system.execApprovals.set', 'fs.listDir', 'terminal.upload',
  'browser.proxy', 'browser.proxy.upload.v1'
]
/** What a later version may add to the browser is no less. */
export const isHostCommand = (command: string): boolean => hostCommands.includes(command) || command.startsWith('browser.proxy')

export function requiredApproveScopes (commands: readonly string[]): Scope[] {
  if (commands.some(isHostCommand)) return ['operator.pairing', 'operator.admin']
  return commands.length > 0 ? ['operator.pairing', 'operator.write'] : ['operator.pairing']
}

const names = (list: readonly string[]): string[] => [...new Set(list)].slice(0, deviceLimits.maxNodeNames)
const within = (asked: readonly string[], allowed: readonly string[]): string[] => asked.filter(name => allowed.includes(name))
const sameSet = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every(name => b.includes(name))
const granted = (permissions: NodeSurface['permissions']): string[] => Object.keys(permissions ?? {}).filter(name => permissions![name])

const sameSurface = (a: NodeSurface, b: NodeSurface): boolean =>
  sameSet(a.caps, b.caps) && sameSet(a.commands, b.commands) && sameSet(granted(a.permissions), granted(b.permissions))

/** What was approved and is still declared. */
function intersection (declared: NodeSurface, approved: NodeSurface | undefined): NodeSurface {
  if (!approved) return { caps: [], commands: [] }
  const allowed = granted(approved.permissions)
  const declaredPermissions = Object.entries(declared.permissions ?? {})
  const permissions = Object.fromEntries(declaredPermissions.map(([name, on]) => [name, on && allowed.includes(name)]))
  return {
    caps: within(declared.caps, approved.caps),
    commands: within(declared.commands, approved.commands),
    ...(declared.permissions ? { permissions } : {})
  }
}

const exceeds = (declared: NodeSurface, approved: NodeSurface): boolean => !sameSurface(declared, intersection(declared, approved))

export function createNodeSurfaces (context: DeviceContext): NodeSurfaces {
  const { records, now, emit, invalidate } = context
  const lane = <T>(nodeId: string, work: () => Promise<T>): Promise<T> => records.inLane(nodeId, work)

  function nodeDevice (nodeId: string): PairedDevice {
    const device = records.devices.get(nodeId)
    if (!device || !hasRole(device, 'node')) throw new GatewayError('NODE_UNKNOWN')
    return device
  }

  const resolved = (requestId: string, nodeId: string, decision: string): void =>
    emit('node.pair.resolved', { requestId, nodeId, decision, ts: now() })

  function effectiveSurface (nodeId: string, declared: NodeSurface): NodeSurface {
    const device = records.devices.get(nodeId)
    return intersection(declared, device && hasRole(device, 'node') ? records.surfaces.get(nodeId)?.approved : undefined)
  }

  const bounded = ({ displayName, version, ...declaration }: NodeDeclaration): NodeDeclaration => ({
    ...declaration,
    ...(displayName ? { displayName: displayName.slice(0, deviceLimits.maxNameLength) } : {}),
    ...(version ? { version: version.slice(0, deviceLimits.maxNameLength) } : {}),
    caps: names(declaration.caps),
    commands: names(declaration.commands)
  })

  const approvedFrom = (declaration: NodeDeclaration, known: NodeSurfaceRecord | undefined, approvedBy: string): ApprovedNodeSurface =>
    ({ ...declaration, createdAtMs: known?.approved?.createdAtMs ?? now(), approvedAtMs: now(), approvedBy })

  /** Someone vouched for this very machine when it was paired, so its first surface needs no second yes. */
  const vouchedFor = (device: PairedDevice, known: NodeSurfaceRecord | undefined): boolean =>
    !known?.approved && (device.approvedVia === 'ssh-verified' || device.approvedVia === 'bootstrap')

  async function declare (declaration: NodeDeclaration): Promise<PendingNodeSurface | undefined> {
    const { nodeId } = declaration
    const device = nodeDevice(nodeId)
    const known = records.surfaces.get(nodeId)
    if (vouchedFor(device, known)) {
      const approved = approvedFrom(declaration, known, device.approvedBy ?? device.approvedVia)
      await records.commit([put('node-surfaces', nodeId, { nodeId, approved })])
      return undefined
    }
    if (known?.approved && !exceeds(declaration, known.approved)) return withdraw(known)
    if (known?.pending && sameSurface(known.pending, declaration)) return known.pending
    return ask(declaration, device, known)
  }

  /** The node no longer asks for more than it has. */
  async function withdraw (known: NodeSurfaceRecord): Promise<undefined> {
    if (!known.pending) return
    await records.commit([put('node-surfaces', known.nodeId, { nodeId: known.nodeId, approved: known.approved })])
    resolved(known.pending.requestId, known.nodeId, 'rejected')
  }

  /** A changed declaration is a new request: a yes to the old one says nothing about it. */
  async function ask (declaration: NodeDeclaration, device: PairedDevice, known?: NodeSurfaceRecord): Promise<PendingNodeSurface> {
    const pending: PendingNodeSurface = {
      requestId: randomUUID(),
      ...declaration,
      requiredApproveScopes: requiredApproveScopes(declaration.commands),
      ...(device.approvedVia === 'silent' ? { silent: true } : {}),
      ts: now()
    }
    await records.commit([put('node-surfaces', declaration.nodeId, { ...known, nodeId: declaration.nodeId, pending })])
    if (known?.pending) resolved(known.pending.requestId, declaration.nodeId, 'rejected')
    emit('node.pair.requested', pending)
    return pending
  }

  function findPending (requestId: string): PendingNodeSurface {
    for (const { pending } of records.surfaces.values()) if (pending?.requestId === requestId) return pending
    throw new GatewayError('PAIRING_REQUEST_UNKNOWN')
  }

  const summary = (approved: ApprovedNodeSurface): NodeSummary => nodeSummaryOf(approved, freshDevice(context, approved.nodeId))

  async function approve (requestId: string, caller: DeviceCaller): Promise<{ requestId: string, node: NodeSummary }> {
    const { requestId: _id, requiredApproveScopes: needed, silent, ts, ...declaration } = findPending(requestId)
    const { nodeId } = declaration
    if (!mayActOn(caller, nodeId)) throw denied('node pairing approval')
    const missing = firstMissing(caller, needed)
    if (missing) throw missingScope(missing)
    nodeDevice(nodeId)
    const approved = approvedFrom(declaration, records.surfaces.get(nodeId), caller.label)
    await records.commit([put('node-surfaces', nodeId, { nodeId, approved })])
    resolved(requestId, nodeId, 'approved')
    return { requestId, node: summary(approved) }
  }

  async function reject (requestId: string, caller: DeviceCaller): Promise<{ requestId: string, nodeId: string }> {
    const { nodeId } = findPending(requestId)
    if (!mayActOn(caller, nodeId)) throw denied('node pairing rejection')
    const { pending, ...rest } = records.surfaces.get(nodeId)!
    await records.commit([rest.approved ? put('node-surfaces', nodeId, rest) : remove('node-surfaces', nodeId)])
    resolved(requestId, nodeId, 'rejected')
    return { requestId, nodeId }
  }

  /** The node loses its surface and its role; a device that was nothing else is gone. */
  async function removeNode (nodeId: string, caller: DeviceCaller): Promise<{ nodeId: string }> {
    if (!mayActOn(caller, nodeId)) throw denied('node pairing removal')
    const device = freshDevice(context, nodeId)
    const surface = records.surfaces.get(nodeId)
    if (!surface && !device?.roles.includes('node')) throw new GatewayError('NODE_UNKNOWN')
    await records.commit([...(surface ? [remove('node-surfaces', nodeId)] : []), ...(device ? withoutNodeRole(device) : [])])
    if (surface?.pending) resolved(surface.pending.requestId, nodeId, 'rejected')
    resolved('', nodeId, 'removed')
    invalidate({ deviceId: nodeId, role: 'node' }, 'node removed')
    return { nodeId }
  }

  function withoutNodeRole (device: PairedDevice): Change[] {
    const roles = device.roles.filter(role => role !== 'node')
    if (roles.length === 0) return [remove('devices', device.deviceId)]
    const { node, ...tokens } = device.tokens
    return [put('devices', device.deviceId, { ...device, role: roles[0]!, roles, tokens })]
  }

  async function rename (nodeId: string, displayName: string, caller: DeviceCaller): Promise<{ nodeId: string, displayName: string }> {
    if (!mayActOn(caller, nodeId)) throw denied('node rename')
    const surface = records.surfaces.get(nodeId)
    const device = freshDevice(context, nodeId)
    if (!surface && !device?.roles.includes('node')) throw new GatewayError('NODE_UNKNOWN')
    const { approved, pending } = surface ?? {}
    await records.commit([
      put('node-surfaces', nodeId, {
        nodeId,
        ...(approved ? { approved: { ...approved, displayName } } : {}),
        ...(pending ? { pending: { ...pending, displayName } } : {})
      }),
      ...(device ? [put('devices', nodeId, { ...device, operatorLabel: displayName })] : [])
    ])
    emit('device.pair.changed', { deviceId: nodeId, change: 'renamed', ts: now() })
    return { nodeId, displayName }
  }

  return {
    effectiveSurface,

    async declareSurface (declared) {
      const declaration = bounded(declared)
      const pending = await lane(declaration.nodeId, () => declare(declaration))
      return { effective: effectiveSurface(declaration.nodeId, declaration), ...(pending ? { pending } : {}) }
    },

    nodePairList (caller) {
      const mine = [...records.surfaces.values()].filter(({ nodeId }) => !caller || mayActOn(caller, nodeId))
      return {
        pending: mine.flatMap(({ pending }) => pending ?? []).sort(byTime(({ ts }) => ts)),
        paired: mine.flatMap(({ approved }) => approved ? summary(approved) : []).sort(byTime(({ approvedAtMs }) => approvedAtMs))
      }
    },

    nodeApprove: async (requestId, { caller }) => lane(findPending(requestId).nodeId, () => approve(requestId, caller)),
    nodeReject: async (requestId, { caller }) => lane(findPending(requestId).nodeId, () => reject(requestId, caller)),
    nodeRemove: (nodeId, { caller }) => lane(nodeId, () => removeNode(nodeId, caller)),
    nodeRename: (nodeId, displayName, { caller }) => lane(nodeId, () => rename(nodeId, displayName, caller))
  }
}
