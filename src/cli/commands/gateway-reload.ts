import { command } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

interface Answer {
  readonly mode: string
  readonly applied: readonly string[]
  readonly pending: readonly string[]
  readonly restart: 'none' | 'scheduled' | 'needed'
}

export default command({
  name: 'gateway reload',
  summary: 'Have the gateway read its configuration again, now',
  details: 'What can take effect does, without anybody being disconnected; what is wrong is named, and the gateway goes on as it was. ' +
    'Keys that need a restart are listed: with gateway.reload.mode "hybrid" the gateway restarts by itself as soon as nothing runs.',
  options: rpcOptions,
  examples: [['openclaw gateway reload', 'After a change of openclaw.json, or of a file that it includes.']],
  run: context => callGateway(context, { doing: 'Reload', administrative: true }, 'gateway.reload', {}, ({ applied, pending, restart }: Answer) => {
    const { out } = context
    out.line(applied.length === 0 ? 'Nothing has changed that takes effect now.' : `Applied: ${applied.join(', ')}`)
    if (restart === 'scheduled') out.line(`The gateway restarts as soon as nothing runs, for: ${pending.join(', ')}`)
    if (restart === 'needed') out.line(`Waiting for a restart: ${pending.join(', ')}. Run: openclaw gateway restart`)
  })
})
