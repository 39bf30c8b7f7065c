/** What other rooms may ask of the nodes: machines that lend this gateway commands. */
import type { NodeSurface } from '../auth/devices/types.ts'
import type { NodeQuestion } from '../tools/nodes/port.ts'
import type { HostStats, NodeActivity, NodeEventAnswer } from './reports.ts'
import type { Offers } from './offers.ts'
import type { LiveActions, PendingWork } from './pending.ts'
import type { NodeSkills } from './skills.ts'

/** A node that is here. */
export interface NodePeer {
  readonly nodeId: string
  readonly connectionId: string
  readonly declared: NodeSurface
  /** Ends with its connection. */
  readonly signal: AbortSignal
}

export interface InvokeReply {
  readonly ok: true
  readonly nodeId: string
  readonly command: string
  readonly payload: unknown
  readonly payloadJSON: string | null
}

/** The answer of a node, as it came. */
export interface InvokeResult {
  readonly id: string
  readonly nodeId: string
  readonly ok: boolean
  readonly payload?: unknown
  readonly payloadJSON?: string
  readonly error?: { readonly code?: string, readonly message?: string }
}

/** Whoever speaks for a node: its device, on this connection. */
export interface NodeVoice {
  readonly nodeId: string
  readonly connectionId: string
}

/** What became of what a node brought. */
export interface Taken {
  readonly ok: true
  readonly accepted: readonly string[]
  readonly refused: ReadonlyArray<{ readonly name: string, readonly reason: string }>
}

/** Why this command may not be asked of this node, if it may not. */
export type Refusal = (nodeId: string, command: string) => string | undefined

export interface Nodes {
  /** Throws what stands in the way: unknown, not here, not allowed, failed there, or too late. */
  invoke (request: NodeQuestion, signal: AbortSignal): Promise<InvokeReply>
  /** False: nobody waits for it, or somebody else was asked. */
  result (voice: NodeVoice, result: InvokeResult): boolean
  progress (voice: NodeVoice, progress: { readonly invokeId: string, readonly seq: number, readonly chunk: string }): boolean
  event (voice: NodeVoice, event: string, payload: unknown): Promise<NodeEventAnswer>
  /** What a node last said of its machine. */
  hostStats (nodeId: string): HostStats | undefined
  /** When somebody last sat at it. */
  activity (nodeId: string): NodeActivity | undefined
  readonly pending: PendingWork
  readonly actions: LiveActions
  readonly offers: Offers
  readonly skills: NodeSkills
}
