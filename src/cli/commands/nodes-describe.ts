import { command } from '../define-command.ts'
import { nodeOption, withNode } from '../node-course.ts'
import { nodeText } from '../node-view.ts'
import { rpcOptions } from '../rpc-options.ts'

export default command({
  name: 'nodes describe',
  summary: 'Show one node: what it offers, what was approved, how its machine is',
  options: { ...rpcOptions, ...nodeOption },
  examples: [['openclaw nodes describe --node Workbench', 'By name, id or the beginning of its id.']],
  run: context => withNode(context, 'Nodes describe', async node => {
    if (context.options.json) context.out.json(node)
    else context.out.line(nodeText(node, Date.now()))
    return 0
  })
})
