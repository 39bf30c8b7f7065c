import { GatewayError } from '../protocol/errors.ts'
import { Type } from '../protocol/type.ts'
import { deviceCaller } from './devices.ts'
import { nodeRows } from './node-rows.ts'
import { method, type Rooms } from './rooms.ts'
import { noParams, openObject, text } from './shapes.ts'

const request = Type.Object({ requestId: text() }, { additionalProperties: false })
const node = Type.Object({ nodeId: text() }, { additionalProperties: false })

/** The node itself learns of a decision about it too: what it may do changes without a reconnect. */
function tellNode (rooms: Rooms, nodeId: string, requestId: string, decision: 'approved' | 'rejected'): void {
  const connection = rooms.connections.connectedNodes().get(nodeId)
  if (!connection) return
  rooms.events.emit('node.pair.resolved', { requestId, nodeId, decision, ts: rooms.now() }, { connectionIds: [connection.id] })
}

export const nodes = {
  'node.list': method({
    scope: 'operator.read',
    params: noParams,
    result: openObject,
    handle: async (_params, { rooms }) => ({ ts: rooms.now(), nodes: await nodeRows(rooms) })
  }),
  'node.describe': method({
    scope: 'operator.read',
    params: node,
    result: openObject,
    async handle ({ nodeId }, { rooms }) {
      const found = (await nodeRows(rooms)).find(row => row.nodeId === nodeId)
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
    async handle ({ requestId }, { rooms, caller }) {
      const approved = await rooms.devices.nodeApprove(requestId, { caller: deviceCaller(caller) })
      tellNode(rooms, approved.node.nodeId, requestId, 'approved')
      return approved
    }
  }),
  'node.pair.reject': method({
    scope: 'operator.pairing',
    params: request,
    result: openObject,
    async handle ({ requestId }, { rooms, caller }) {
      const rejected = await rooms.devices.nodeReject(requestId, { caller: deviceCaller(caller) })
      tellNode(rooms, rejected.nodeId, requestId, 'rejected')
      return rejected
    }
  }),
  'node.pair.remove': method({
    scope: 'operator.pairing',
    params: node,
    result: openObject,
    handle: ({ nodeId }, { rooms, caller }) => rooms.devices.nodeRemove(nodeId, { caller: deviceCaller(caller) })
  })
}
