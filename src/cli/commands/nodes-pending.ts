import { command } from '../define-command.ts'
import { nodeCourse } from '../node-course.ts'
import { pendingText, type PendingNode } from '../node-view.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

export default command({
  name: 'nodes pending',
  summary: 'List what nodes offer and nobody has approved yet',
  options: rpcOptions,
  examples: [['openclaw nodes pending', 'With the rights that approving needs.']],
  run: context => callGateway(context, nodeCourse('Nodes pending'), 'node.pair.list', {},
    ({ pending }: { pending: readonly PendingNode[] }) => context.out.line(pendingText(pending, Date.now())))
})
