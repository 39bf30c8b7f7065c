/** Nodes as the gateway lists them, as people name them, and as people read them. */
import { meantNodes } from '../lib/meant-nodes.ts'
import { escapeControl } from '../lib/text.ts'
import { CommandFailure } from './failure.ts'
import { ago, facts, table } from './table.ts'

export interface NodeStats {
  readonly cpuCount: number
  readonly loadAverage?: readonly number[]
  readonly memoryTotalBytes: number
  readonly memoryFreeBytes: number
  readonly diskAvailableBytes?: number
  readonly updatedAtMs: number
}

export interface NodeRow {
  readonly nodeId: string
  readonly displayName?: string
  readonly platform?: string
  readonly version?: string
  readonly remoteIp?: string
  readonly caps?: readonly string[]
  readonly commands?: readonly string[]
  readonly approvalState?: string
  readonly pendingRequestId?: string
  readonly pendingDeclaredCommands?: readonly string[]
  readonly connected?: boolean
  readonly connectedAtMs?: number
  readonly lastSeenAtMs?: number
  readonly active?: boolean
  readonly lastActiveAtMs?: number
  readonly hostStats?: NodeStats
  readonly [fact: string]: unknown
}

export interface NodeList { readonly nodes: readonly NodeRow[] }

export interface PendingNode {
  readonly requestId: string
  readonly nodeId: string
  readonly displayName?: string
  readonly platform?: string
  readonly commands?: readonly string[]
  readonly caps?: readonly string[]
  readonly requiredApproveScopes?: readonly string[]
  readonly ts?: number
}

const cell = (text: string | undefined, maxCharacters = 48): string => text ? escapeControl(text, maxCharacters) : '-'
const words = (list: readonly string[] | undefined): string => list && list.length > 0 ? cell(list.join(', '), 400) : 'none'

export const nodeName = ({ displayName, nodeId }: Pick<NodeRow, 'displayName' | 'nodeId'>): string => cell(displayName ?? nodeId.slice(0, 12))

const gigabytes = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GB`

function statsText (stats: NodeStats | undefined, connected: boolean | undefined, nowMs: number): string | undefined {
  if (!stats) return undefined
  const { cpuCount, loadAverage, memoryTotalBytes, memoryFreeBytes, diskAvailableBytes, updatedAtMs } = stats
  return [
    ...(loadAverage ? [`load ${loadAverage[0]!.toFixed(1)}/${cpuCount}`] : []),
    `mem ${gigabytes(memoryTotalBytes - memoryFreeBytes)} of ${gigabytes(memoryTotalBytes)}`,
    ...(diskAvailableBytes === undefined ? [] : [`disk ${gigabytes(diskAvailableBytes)} free`])
  ].join(' · ') + (connected ? '' : ` (last known ${ago(updatedAtMs, nowMs)})`)
}

const stateOf = ({ connected, approvalState, active }: NodeRow): string =>
  [connected ? 'connected' : 'away', ...(approvalState && approvalState !== 'approved' ? [approvalState] : []), ...(active ? ['active'] : [])].join(', ')

export function nodeListText (nodes: readonly NodeRow[], nowMs: number): string {
  if (nodes.length === 0) return 'No node is paired. On another machine: openclaw node run --host <this gateway>'
  const rows = nodes.map(node => [
    nodeName(node), cell(node.nodeId).slice(0, 12), cell(node.platform), stateOf(node), words(node.caps),
    statsText(node.hostStats, node.connected, nowMs) ?? '-', node.connected ? 'now' : ago(node.lastSeenAtMs, nowMs)
  ])
  const waiting = nodes.filter(({ pendingRequestId }) => pendingRequestId)
  const hint = waiting.length > 0 ? [`${waiting.length} ${waiting.length === 1 ? 'waits' : 'wait'} for approval: openclaw nodes pending`] : []
  return [table(['Node', 'Node ID', 'Platform', 'State', 'Offers', 'Machine', 'Seen'], rows), ...hint].join('\n\n')
}

export const nodeText = (node: NodeRow, nowMs: number): string => facts([
  ['Node', nodeName(node)],
  ['Node ID', cell(node.nodeId, 80)],
  ['Address', node.remoteIp === undefined ? undefined : cell(node.remoteIp)],
  ['Platform', cell(node.platform)],
  ['Version', cell(node.version)],
  ['State', stateOf(node)],
  ['Offers', words(node.caps)],
  ['Commands', words(node.commands)],
  ['Waiting', node.pendingRequestId ? `${words(node.pendingDeclaredCommands)} (openclaw nodes approve ${cell(node.pendingRequestId, 64)})` : undefined],
  ['Machine', statsText(node.hostStats, node.connected, nowMs)],
  ['Last input', node.lastActiveAtMs === undefined ? undefined : ago(node.lastActiveAtMs, nowMs)],
  ['Seen', node.connected ? 'now' : ago(node.lastSeenAtMs, nowMs)]
])

export function pendingText (pending: readonly PendingNode[], nowMs: number): string {
  if (pending.length === 0) return 'Nothing that a node offers waits for approval.'
  const rows = pending.map(request => [
    cell(request.requestId, 64), nodeName(request), cell(request.platform), words(request.commands),
    words(request.requiredApproveScopes?.map(scope => scope.replace(/^operator\./, ''))), ago(request.ts, nowMs)
  ])
  return `${table(['Request', 'Node', 'Platform', 'Commands', 'Needs', 'Asked'], rows)}\n\nApprove with: openclaw nodes approve <request>`
}

/** The node that somebody means. */
export function meantNode (nodes: readonly NodeRow[], wanted: string): NodeRow {
  const [first, ...others] = meantNodes(nodes, wanted)
  if (!first) throw new CommandFailure(`There is no node ${wanted}. List them: openclaw nodes list`)
  if (others.length === 0) return first
  throw new CommandFailure(`${wanted} may be ${[first, ...others].map(({ nodeId }) => nodeId.slice(0, 12)).join(' or ')}. Give the whole id.`)
}
