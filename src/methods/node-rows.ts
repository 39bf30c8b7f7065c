import type { DeviceSummary, NodePairList, NodeSurface } from '../auth/devices/types.ts'
import type { Nodes } from '../nodes/room.ts'
import type { Connection } from '../rpc/connection.ts'
import type { Rooms } from './rooms.ts'

/** A node as `node.list` shows it. */
export interface NodeRow extends NodeSurface {
  nodeId: string
  connected: boolean
  [fact: string]: unknown
}

type Pending = NodePairList['pending'][number]
type Approved = NodePairList['paired'][number]

const isNode = ({ roles, tokens }: DeviceSummary): boolean =>
  roles.includes('node') && !tokens.some(({ role, revokedAtMs }) => role === 'node' && revokedAtMs !== undefined)

const nothing: NodeSurface = { caps: [], commands: [] }

function approvalOf (approved: Approved | undefined, pending: Pending | undefined): object {
  if (!pending) return { approvalState: approved ? 'approved' : 'unapproved' }
  return {
    approvalState: approved ? 'pending-reapproval' : 'pending-approval',
    pendingRequestId: pending.requestId,
    pendingDeclaredCaps: pending.caps,
    pendingDeclaredCommands: pending.commands
  }
}

/** What may be asked of it: of a connected node what it offers and somebody approved, of another what was approved. */
function surfaceOf (rooms: Rooms, nodeId: string, approved: Approved | undefined, connection: Connection | undefined): NodeSurface {
  if (connection) return rooms.devices.effectiveSurface(nodeId, connection.declared ?? nothing)
  const { caps, commands, permissions } = approved ?? nothing
  return { caps, commands, ...(permissions ? { permissions } : {}) }
}

/** By name: what they say is for the agents. */
function skillsOf ({ skills }: Nodes, nodeId: string): object {
  const list = skills.of(nodeId).map(({ name, description }) => ({ name, description }))
  return list.length > 0 ? { nodeSkills: list } : {}
}

/** Every device with the node role, whether or not it is here and whether or not anything it offers was approved. */
export async function nodeRows (rooms: Rooms): Promise<NodeRow[]> {
  const devices = rooms.devices.listPaired(new Set()).filter(isNode)
  if (devices.length === 0) return []
  const nodes = await rooms.nodes()
  const { pending, paired } = rooms.devices.nodePairList()
  const requests = new Map(pending.map(request => [request.nodeId, request]))
  const approvals = new Map(paired.map(node => [node.nodeId, node]))
  const connections = rooms.connections.connectedNodes()

  function row ({ deviceId: nodeId, ...device }: DeviceSummary): NodeRow {
    const approved = approvals.get(nodeId)
    const request = requests.get(nodeId)
    const connection = connections.get(nodeId)
    return {
      nodeId,
      displayName: device.operatorLabel ?? approved?.displayName ?? request?.displayName ?? device.displayName,
      platform: device.platform,
      version: connection?.client?.version ?? approved?.version ?? request?.version,
      clientId: device.clientId,
      clientMode: device.clientMode,
      deviceFamily: device.deviceFamily,
      ...surfaceOf(rooms, nodeId, approved, connection),
      sessionHost: false,
      nodePluginTools: nodes.offers.of(nodeId),
      ...skillsOf(nodes, nodeId),
      ...approvalOf(approved, request),
      ...(connection ? { connectedAtMs: connection.openedAtMs } : {}),
      ...(connection && !connection.ingress.local ? { remoteIp: connection.ingress.clientAddress } : {}),
      lastSeenAtMs: device.lastSeenAtMs,
      lastSeenReason: device.lastSeenReason,
      approvedAtMs: device.approvedAtMs,
      ...nodes.activity(nodeId),
      ...(nodes.hostStats(nodeId) ? { hostStats: nodes.hostStats(nodeId) } : {}),
      paired: true,
      connected: connection !== undefined
    }
  }

  return devices.map(row)
}
