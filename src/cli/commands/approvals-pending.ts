import { approvalsCourse } from '../approvals-view.ts'
import { command } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

interface Pending {
  readonly id: string
  readonly approvalKind: string
  readonly request: { readonly command?: string, readonly title?: string, readonly agentId?: string | null }
  readonly expiresAtMs: number
}

export default command({
  name: 'approvals pending',
  summary: 'List what waits for a person',
  options: rpcOptions,
  examples: [['openclaw approvals pending', 'Each with the id that a decision needs.']],
  run: async context => await withGateway(context, approvalsCourse('Approvals pending'), async ({ client }) => {
    const lists = await Promise.all([client.request('exec.approval.list', {}), client.request('plugin.approval.list', {})])
    const approvals = lists.flat() as Pending[]
    if (context.options.json) context.out.json({ approvals })
    else if (approvals.length === 0) context.out.line('Nothing waits for a decision.')
    for (const { id, request: { command, title, agentId }, expiresAtMs } of context.options.json ? [] : approvals) {
      const left = Math.max(0, Math.round((expiresAtMs - Date.now()) / 60_000))
      context.out.line(`${id}  ${agentId ?? '-'}  ${left} min left  ${JSON.stringify(command ?? title ?? '')}`)
    }
    return 0
  })
})
