import { command } from '../define-command.ts'
import { channelLines, type HealthView } from '../health-lines.ts'
import { rpcOptions } from '../rpc-options.ts'
import { duration } from '../table.ts'
import { callGateway } from '../with-gateway.ts'

export default command({
  name: 'gateway health',
  summary: 'Ask the gateway whether it is well',
  options: rpcOptions,
  examples: [['openclaw gateway health', 'OK and how long the answer took, then one line for each channel.']],
  async run (context) {
    const startedAt = performance.now()
    return await callGateway(context, { doing: 'Gateway health' }, 'health', {}, (health: HealthView) => {
      context.out.line('Gateway Health')
      context.out.line(`${health.ok === false ? 'NOT OK' : 'OK'} (${duration(performance.now() - startedAt)})`)
      for (const line of channelLines(health)) context.out.line(line)
    })
  }
})
