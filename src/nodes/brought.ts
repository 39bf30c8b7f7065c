/** What a node brought is there for as long as the connection that brought it. */
import type { NodePeer, NodeVoice } from './room.ts'

export interface Brought<Things> {
  /** Takes the place of what this node brought before. False: this connection does not speak for the node any more. */
  keep (voice: NodeVoice, things: Things): boolean
  of (nodeId: string): Things | undefined
  /** In the order in which the nodes came. */
  all (): ReadonlyArray<readonly [nodeId: string, things: Things]>
}

export interface BroughtOptions {
  readonly peer: (nodeId: string) => NodePeer | undefined
  readonly gone?: () => void
}

export function createBrought<Things> ({ peer, gone }: BroughtOptions): Brought<Things> {
  const kept = new Map<string, { readonly connectionId: string, readonly things: Things }>()

  return {
    keep ({ nodeId, connectionId }, things) {
      const here = peer(nodeId)
      if (here?.connectionId !== connectionId) return false
      const isFirst = kept.get(nodeId)?.connectionId !== connectionId
      kept.set(nodeId, { connectionId, things })
      if (!isFirst) return true
      here.signal.addEventListener('abort', () => {
        if (kept.get(nodeId)?.connectionId !== connectionId) return
        kept.delete(nodeId)
        gone?.()
      }, { once: true })
      return true
    },
    of: nodeId => kept.get(nodeId)?.things,
    all: () => [...kept].map(([nodeId, { things }]) => [nodeId, things] as const)
  }
}
