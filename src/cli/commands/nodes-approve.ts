import { command } from '../define-command.ts'
import { nodeCourse } from '../node-course.ts'
import { nodeName, type NodeRow } from '../node-view.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

export default command({
  name: 'nodes approve',
  summary: 'Let a node offer the commands that it declares',
  details: 'Commands that run programs or read files there need an administrator.',
  args: [{ name: 'requestId', help: 'Id of the request (openclaw nodes pending)' }],
  options: rpcOptions,
  examples: [['openclaw nodes approve 3f0c5a1e-…', 'In force at once, without a reconnect.']],
  run: context => callGateway(context, nodeCourse('Nodes approve'), 'node.pair.approve', { requestId: required(context.args[0], 'requestId') },
    ({ node }: { node: NodeRow }) => context.out.line(`Approved ${nodeName(node)}: ${node.commands?.join(', ') || 'no commands'}.`))
})
