/** What the commands about nodes have in common. */
import { text, type CommandContext } from './define-command.ts'
import { meantNode, type NodeList, type NodeRow } from './node-view.ts'
import { required, withGateway, type Reached, type RpcFlags } from './with-gateway.ts'

export const nodeCourse = (doing: string) => ({
  doing,
  administrative: true,
  whenUnreachable: 'Nodes are reached through the running gateway: start it (openclaw gateway run), then repeat this command.'
})

export const nodeOption = { node: text('node', 'Node: its id, address or name, or at least six characters of its id') }

type NodeContext = CommandContext<RpcFlags & { readonly node: string | undefined }>

/** Does something with the node that --node means. */
export async function withNode (
  context: NodeContext, doing: string, body: (node: NodeRow, reached: Reached) => Promise<number>
): Promise<number> {
  const wanted = required(context.options.node?.trim(), '--node')
  return await withGateway(context, nodeCourse(doing), async reached =>
    await body(meantNode((await reached.client.request('node.list') as unknown as NodeList).nodes, wanted), reached))
}
