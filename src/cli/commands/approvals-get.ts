import { approvalsCourse, snapshotLines, type ApprovalsSnapshot } from '../approvals-view.ts'
import { command, flag } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

export default command({
  name: 'approvals get',
  summary: 'Show which commands agents may run without asking',
  options: { ...rpcOptions, gateway: flag('Of the gateway, which is the default') },
  examples: [
    ['openclaw approvals get', 'Defaults and the allowlist of each agent.'],
    ['openclaw approvals get --json', 'The whole document, with the hash that a change needs.']
  ],
  run: async context => await callGateway(context, approvalsCourse('Approvals get'), 'exec.approvals.get', {}, (snapshot: ApprovalsSnapshot) => {
    for (const line of snapshotLines(snapshot)) context.out.line(line)
  })
})
