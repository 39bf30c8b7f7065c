/** What nodes declare and what of it was approved. */
import type { Scope } from '../../protocol/scopes.ts'

/** What a node says it can do. */
export interface NodeSurface {
  caps: string[]
  commands: string[]
  permissions?: { [name: string]: boolean }
}

export interface NodeDeclaration extends NodeSurface {
  nodeId: string
  clientId?: string
  clientMode?: string
  displayName?: string
  platform?: string
  version?: string
  deviceFamily?: string
}

/** The shape is that of the `node.pair.requested` event. */
export interface PendingNodeSurface extends NodeDeclaration {
  requestId: string
  requiredApproveScopes: Scope[]
  silent?: boolean
  ts: number
}

export interface ApprovedNodeSurface extends NodeDeclaration {
  createdAtMs: number
  approvedAtMs: number
  approvedBy?: string
}

export interface NodeSummary extends ApprovedNodeSurface {
  lastSeenAtMs?: number
  lastSeenReason?: string
}

export interface NodeSurfaceRecord {
  nodeId: string
  approved?: ApprovedNodeSurface
  pending?: PendingNodeSurface
}

export interface NodePairList {
  pending: PendingNodeSurface[]
  paired: NodeSummary[]
}
