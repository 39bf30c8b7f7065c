import { command } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

interface Answer { readonly warningCount: number, readonly warnings?: readonly string[] }

export default command({
  name: 'secrets reload',
  summary: 'Have the gateway fetch its credentials again',
  details: 'Every reference (SecretRef) of the configuration is asked for anew, and all of them change in the same moment. When one that ' +
    'is in use cannot be had, all stay as they are. Clients that came in with a shared secret which is another one now are disconnected.',
  options: rpcOptions,
  examples: [['openclaw secrets reload', 'After a credential was changed in the file, the vault or the .env of the state directory.']],
  run: context => callGateway(context, { doing: 'Secrets reload', administrative: true }, 'secrets.reload', {}, ({ warningCount, warnings }: Answer) => {
    context.out.line('Secrets reloaded.')
    if (warningCount === 0) return
    context.out.line(`Warnings: ${warningCount}`)
    for (const warning of warnings ?? []) context.out.note(`  ${warning}`)
  })
})
