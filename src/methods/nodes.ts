import { GatewayError } from '../protocol/errors.ts'
import { Type } from '../protocol/type.ts'
import { deviceCaller } from './devices.ts'
import { method, type Rooms } from './rooms.ts'
import { noParams, openObject, text } from './shapes.ts'

const request = Type.Object({ requestId: text() }, { additionalProperties: false })
const node = Type.Object({ nodeId: text() }, { additionalProperties: false })

/** Nodes that are known, and those that are only connected, with what may be asked of them right now. */
function listNodes (rooms: Rooms): object[] {
  const { pending, paired } = rooms.devices.nodePairList()
  const connected = rooms.connections.connectedDeviceIds()
  const approved = paired.map(({ nodeId, ...facts }) => (
    { nodeId, ...facts, paired: true, approvalState: 'approved', connected: connected.has(nodeId) }
  ))
  const known = new Set(paired.map(({ nodeId }) => nodeId))
  const strangers = pending.filter(({ nodeId }) => !known.has(nodeId))
  const waiting = strangers.map(({ nodeId, displayName, platform, deviceFamily, version, ts }) => ({
    nodeId,
    displayName,
    platform,
    deviceFamily,
    version,
    caps: [],
    commands: [],
    paired: true,
    approvalState: 'pending-approval',
    connected: connected.has(nodeId),
    createdAtMs: ts
  }))
  return [...approved, ...waiting]
}

export const nodes = {
  'node.list': method({
    scope: 'operator.read',
    params: noParams,
    result: openObject,
    handle: (_params, { rooms }) => ({ ts: rooms.now(), nodes: listNodes(rooms) })
  }),
  'node.describe': method({
    scope: 'operator.read',
    params: node,
    result: openObject,
    handle ({ nodeId }, { rooms }) {
      const found = listNodes(rooms).find(candidate => (candidate as { nodeId: string }).nodeId === nodeId)
      if (!found) throw new GatewayError('NOT_FOUND', { message: 'unknown nodeId', details: { nodeId } })
      return { ts: rooms.now(), ...found }
    }
  }),
  'node.rename': method({
    scope: 'operator.pairing',
    params: Type.Object({ nodeId: text(), displayName: text({ maxLength: 120 }) }, { additionalProperties: false }),
    result: openObject,
    handle: ({ nodeId, displayName }, { rooms, caller }) => rooms.devices.nodeRename(nodeId, displayName, { caller: deviceCaller(caller) })
  }),
  'node.pair.list': method({
    scope: 'operator.pairing',
    params: noParams,
    changes: false,
    result: openObject,
    handle: (_params, { rooms, caller }) => rooms.devices.nodePairList(deviceCaller(caller))
  }),
  'node.pair.approve': method({
    scope: 'operator.pairing',
    params: request,
    result: openObject,
    handle: ({ requestId }, { rooms, caller }) => rooms.devices.nodeApprove(requestId, { caller: deviceCaller(caller) })
  }),
  'node.pair.reject': method({
    scope: 'operator.pairing',
    params: request,
    result: openObject,
    handle: ({ requestId }, { rooms, caller }) => rooms.devices.nodeReject(requestId, { caller: deviceCaller(caller) })
  }),
  'node.pair.remove': method({
    scope: 'operator.pairing',
    params: node,
    result: openObject,
    handle: ({ nodeId }, { rooms, caller }) => rooms.devices.nodeRemove(nodeId, { caller: deviceCaller(caller) })
  })
}
