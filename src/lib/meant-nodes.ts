/** How people name a machine: by its id, the address it comes from, its name, or the beginning of its id. */

export interface Nameable {
  readonly nodeId: string
  readonly displayName?: string
  readonly remoteIp?: string
  readonly connected?: boolean
}

const strengths: ReadonlyArray<(node: Nameable, wanted: string) => boolean> = [
  ({ nodeId, remoteIp }, wanted) => nodeId === wanted || remoteIp === wanted,
  ({ displayName }, wanted) => displayName?.toLowerCase() === wanted.toLowerCase(),
  ({ nodeId }, wanted) => wanted.length >= 6 && nodeId.startsWith(wanted.toLowerCase())
]

/** The one that is meant, several when it may be any of them, none when nobody is called so. One that is here beats those that are not. */
export function meantNodes<Node extends Nameable> (nodes: readonly Node[], wanted: string): readonly Node[] {
  for (const matches of strengths) {
    const all = nodes.filter(node => matches(node, wanted))
    const here = all.filter(({ connected }) => connected)
    if (here.length === 1) return here
    if (all.length > 0) return all
  }
  return []
}
