/** Whose approvals document a command is about: that of the gateway, or that of a node. */
import type { ApprovalsFile, ApprovalsSnapshot } from './approvals-view.ts'
import { text } from './define-command.ts'
import type { GatewayClient } from './gateway-client.ts'
import { meantNode, type NodeList } from './node-view.ts'

export const placeOption = { node: text('node', 'Of this node (id, address or name) in the place of the gateway') }

export interface ApprovalsPlace {
  read (): Promise<ApprovalsSnapshot>
  write (file: ApprovalsFile, before: ApprovalsSnapshot): Promise<ApprovalsSnapshot>
}

const baseOf = ({ exists, hash }: ApprovalsSnapshot): { baseHash?: string } => exists ? { baseHash: hash } : {}

export async function approvalsOf (client: GatewayClient, node: string | undefined): Promise<ApprovalsPlace> {
  if (node === undefined) {
    return {
      read: async () => await client.request('exec.approvals.get', {}) as ApprovalsSnapshot,
      write: async (file, before) => await client.request('exec.approvals.set', { file: file as never, ...baseOf(before) }) as ApprovalsSnapshot
    }
  }
  const { nodeId } = meantNode((await client.request('node.list') as unknown as NodeList).nodes, node)
  return {
    read: async () => await client.request('exec.approvals.node.get', { nodeId }) as unknown as ApprovalsSnapshot,
    write: async (file, before) =>
      await client.request('exec.approvals.node.set', { nodeId, file: file as never, ...baseOf(before) }) as unknown as ApprovalsSnapshot
  }
}
