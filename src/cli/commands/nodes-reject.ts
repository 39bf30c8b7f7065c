import { command } from '../define-command.ts'
import { nodeCourse } from '../node-course.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

export default command({
  name: 'nodes reject',
  summary: 'Refuse what a node wants to offer',
  args: [{ name: 'requestId', help: 'Id of the request (openclaw nodes pending)' }],
  options: rpcOptions,
  examples: [['openclaw nodes reject 3f0c5a1e-…', 'What was approved before stays.']],
  run: context => callGateway(context, nodeCourse('Nodes reject'), 'node.pair.reject', { requestId: required(context.args[0], 'requestId') },
    ({ nodeId }: { nodeId: string }) => context.out.line(`Refused what ${nodeId.slice(0, 12)} wanted to offer.`))
})
