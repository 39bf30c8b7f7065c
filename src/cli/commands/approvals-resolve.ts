import { approvalsCourse } from '../approvals-view.ts'
import { command } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { rpcOptions } from '../rpc-options.ts'
import { required, withGateway } from '../with-gateway.ts'

interface Resolved {
  readonly applied: boolean
  readonly approval: { readonly status: string, readonly decision?: string }
}

interface Found { readonly approval: { readonly presentation: { readonly kind: 'exec' | 'plugin' } } }

export default command({
  name: 'approvals resolve',
  summary: 'Decide about what waits for a person',
  args: [
    { name: 'id', help: 'Of the request (openclaw approvals pending)' },
    { name: 'decision', help: 'allow-once, allow-always or deny' }
  ],
  options: rpcOptions,
  examples: [
    ['openclaw approvals resolve 3f0c5a1e-… allow-once', 'This time.'],
    ['openclaw approvals resolve 3f0c5a1e-… deny', 'The agent is told.']
  ],
  run: async context => await withGateway(context, approvalsCourse('Approvals resolve'), async ({ client }) => {
    const [id, decision] = [required(context.args[0], 'id'), required(context.args[1], 'decision')]
    const { approval: { presentation: { kind } } } = await client.request('approval.get', { id }) as unknown as Found
    const result = await client.request('approval.resolve', { id, kind, decision }) as unknown as Resolved
    if (!result.applied) throw new CommandFailure(`Somebody decided before: ${result.approval.decision ?? result.approval.status}`)
    if (context.options.json) context.out.json(result)
    else context.out.line(`Decided: ${decision}.`)
    return 0
  })
})
