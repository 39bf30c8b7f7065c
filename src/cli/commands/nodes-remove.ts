import { command } from '../define-command.ts'
import { nodeOption, withNode } from '../node-course.ts'
import { nodeName } from '../node-view.ts'
import { rpcOptions } from '../rpc-options.ts'

export default command({
  name: 'nodes remove',
  summary: 'Take the node role from a device, and close its connections',
  options: { ...rpcOptions, ...nodeOption },
  examples: [['openclaw nodes remove --node Workbench', 'A device that is nothing else is forgotten.']],
  run: context => withNode(context, 'Nodes remove', async (node, { client }) => {
    const answer = await client.request('node.pair.remove', { nodeId: node.nodeId })
    if (context.options.json) context.out.json(answer)
    else context.out.line(`Removed ${nodeName(node)}.`)
    return 0
  })
})
