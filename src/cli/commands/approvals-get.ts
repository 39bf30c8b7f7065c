import { approvalsOf, placeOption } from '../approvals-place.ts'
import { approvalsCourse, snapshotLines } from '../approvals-view.ts'
import { command, flag } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

export default command({
  name: 'approvals get',
  summary: 'Show which commands agents may run without asking',
  options: { ...rpcOptions, ...placeOption, gateway: flag('Of the gateway, which is the default') },
  examples: [
    ['openclaw approvals get', 'Defaults and the allowlist of each agent.'],
    ['openclaw approvals get --json', 'The whole document, with the hash that a change needs.']
  ],
  run: async context => await withGateway(context, approvalsCourse('Approvals get'), async ({ client }) => {
    const snapshot = await (await approvalsOf(client, context.options.node)).read()
    if (context.options.json) context.out.json(snapshot)
    else for (const line of snapshotLines(snapshot)) context.out.line(line)
    return 0
  })
})
