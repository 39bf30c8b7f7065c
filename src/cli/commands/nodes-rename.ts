import { command, text } from '../define-command.ts'
import { nodeOption, withNode } from '../node-course.ts'
import { rpcOptions } from '../rpc-options.ts'
import { required } from '../with-gateway.ts'

export default command({
  name: 'nodes rename',
  summary: 'Give a node a name of your own',
  options: { ...rpcOptions, ...nodeOption, name: text('name', 'The name') },
  examples: [['openclaw nodes rename --node 9a41f0 --name Workbench', 'Shown instead of what the node calls itself.']],
  async run (context) {
    const displayName = required(context.options.name?.trim(), '--name')
    return await withNode(context, 'Nodes rename', async ({ nodeId }, { client }) => {
      const answer = await client.request('node.rename', { nodeId, displayName })
      if (context.options.json) context.out.json(answer)
      else context.out.line(`Renamed ${nodeId.slice(0, 12)} to "${displayName}".`)
      return 0
    })
  }
})
