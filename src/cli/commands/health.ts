import { command, flag } from '../define-command.ts'
import { healthLines, type HealthView } from '../health-lines.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

export default command({
  name: 'health',
  summary: 'Health of the running gateway: event loop, channels, agents, sessions',
  options: {
    ...rpcOptions,
    verbose: flag('Ask the gateway to look again instead of answering from its cache'),
    debug: flag('The same as --verbose', { hidden: true })
  },
  examples: [
    ['openclaw health', 'A few lines for people.'],
    ['openclaw health --json', 'The answer of the health method, for programs.']
  ],
  run: context => callGateway(
    context, { doing: 'Health' }, 'health', context.options.verbose || context.options.debug ? { probe: true } : {},
    (health: HealthView) => { for (const line of healthLines(health)) context.out.line(line) }
  )
})
