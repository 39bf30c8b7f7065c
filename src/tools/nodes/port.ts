/** What agents may ask of nodes. The room comes later, and answers in these words. */

export interface NodeView {
  readonly nodeId: string
  readonly displayName?: string
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
  readonly sessionKey?: string
  readonly onProgress?: (chunk: string) => void
}

export interface NodesPort {
  list (): Promise<readonly NodeView[]>
  pairing (): Promise<{ readonly pending: readonly object[], readonly paired: readonly object[] }>
  decide (requestId: string, decision: 'approve' | 'reject'): Promise<object>
  /** Throws what stands in the way. */
  invoke (question: NodeQuestion, signal: AbortSignal): Promise<{ readonly payload: unknown, readonly payloadJSON: string | null }>
}

export interface NodeSources {
  readonly nodes: () => NodesPort
}

const strengths: ReadonlyArray<(node: NodeView, wanted: string) => boolean> = [
  ({ nodeId }, wanted) => nodeId === wanted,
  ({ displayName }, wanted) => displayName?.toLowerCase() === wanted.toLowerCase(),
  ({ nodeId }, wanted) => wanted.length >= 6 && nodeId.startsWith(wanted.toLowerCase())
]

/** The one that is meant by an id, a name or the beginning of an id; those that are here come first. A text says why there is none. */
export function meantNode (nodes: readonly NodeView[], wanted: string): NodeView | string {
  for (const matches of strengths) {
    const all = nodes.filter(node => matches(node, wanted))
    const here = all.filter(({ connected }) => connected)
    const [first, ...others] = here.length > 0 ? here : all
    if (first && others.length === 0) return first
    if (first) return `${wanted} may be ${all.map(({ nodeId }) => nodeId).join(' or ')}: name it by its id`
  }
  return `there is no node ${wanted}; action status lists them`
}
