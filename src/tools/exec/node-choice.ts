/** Which node a command runs on; a text says why on none. */
import { meantNode, type NodeView } from '../nodes/port.ts'

export const runCommand = 'system.run'

export const nameOf = ({ displayName, nodeId }: NodeView): string => displayName ?? nodeId

const runsCommands = ({ connected, commands }: NodeView): boolean => connected && commands.includes(runCommand)

function inability (node: NodeView): string {
  const name = nameOf(node)
  if (!node.connected) return `node ${name} is not here: openclaw node run has to be started there (openclaw nodes list)`
  if (node['pendingRequestId'] !== undefined) return `what node ${name} offers waits for somebody's approval (openclaw nodes pending)`
  return `node ${name} does not offer to run commands (openclaw nodes describe)`
}

/** By name, and by id where several have one name. */
function listed (nodes: readonly NodeView[]): string {
  const isShared = (node: NodeView): boolean => nodes.filter(other => nameOf(other) === nameOf(node)).length > 1
  return nodes.map(node => isShared(node) ? `${nameOf(node)} (${node.nodeId.slice(0, 12)})` : nameOf(node)).join(', ')
}

function only (able: readonly NodeView[]): NodeView | string {
  if (able.length === 0) return 'no node that may run commands is here (openclaw nodes list, openclaw nodes pending)'
  return able.length === 1 ? able[0]! : `several nodes could run it: name one of ${listed(able)}`
}

/** A session that is bound to one runs its commands on no other, however the call asks for it. */
export function chooseNode (nodes: readonly NodeView[], asked: string | undefined, bound: string | undefined): NodeView | string {
  const wanted = bound ?? asked
  if (!wanted) return only(nodes.filter(runsCommands))
  const found = meantNode(nodes, wanted)
  if (typeof found === 'string') return found
  if (bound && asked && meantNode(nodes, asked) !== found) return `commands of this session run on node ${nameOf(found)} alone: leave node out`
  return runsCommands(found) ? found : inability(found)
}
