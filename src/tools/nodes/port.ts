/** What agents may ask of nodes. The room comes later, and answers in these words. */
import { meantNodes } from '../../lib/meant-nodes.ts'

export interface NodeView {
  readonly nodeId: string
  readonly displayName?: string
  readonly remoteIp?: string
  readonly platform?: string
  readonly connected: boolean
  readonly commands: readonly string[]
  readonly [fact: string]: unknown
}

export interface NodeQuestion {
  readonly nodeId: string
  readonly command: string
  readonly params?: unknown
  readonly timeoutMs?: number
  readonly idempotencyKey?: string
  /** The conversation that it is for: what the node tells of it later is told there. */
  readonly sessionKey?: string
  /** What the node says while it works, in its order. */
  readonly onProgress?: (chunk: string) => void
}

/** A text of a node that says how to use its machine. */
export interface NodeSkill {
  readonly name: string
  readonly description: string
  /** Its SKILL.md. */
  readonly content: string
  readonly nodeId: string
  readonly nodeName: string
  /** What the node knows its folder by, as a working directory of its commands. */
  readonly folder: string
  readonly location: string
}

export interface NodesPort {
  /** Of nodes that are here and may run what their skills name. */
  skills (): readonly NodeSkill[]
  list (): Promise<readonly NodeView[]>
  pairing (): Promise<{ readonly pending: readonly object[], readonly paired: readonly object[] }>
  decide (requestId: string, decision: 'approve' | 'reject'): Promise<object>
  /** Throws what stands in the way. */
  invoke (question: NodeQuestion, signal: AbortSignal): Promise<{ readonly payload: unknown, readonly payloadJSON: string | null }>
}

export interface NodeSources {
  readonly nodes: () => NodesPort
}

/** The one that is meant; a text says why there is none. */
export function meantNode (nodes: readonly NodeView[], wanted: string): NodeView | string {
  const [first, ...others] = meantNodes(nodes, wanted)
  if (!first) return `there is no node ${wanted} (action status of the tool nodes, or openclaw nodes list, shows which there are)`
  return others.length === 0 ? first : `${wanted} may be ${[first, ...others].map(({ nodeId }) => nodeId).join(' or ')}: name it by its id`
}
