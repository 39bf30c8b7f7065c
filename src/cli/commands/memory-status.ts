import { exitCodes } from '../../lib/exit-codes.ts'
import { command, flag } from '../define-command.ts'
import { agentOption, agentsOf, memoryCourse, statusText, type MemoryStatus } from '../memory-view.ts'
import { rpcOptionsWith } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

export default command({
  name: 'memory status',
  summary: 'Say what of an agent\'s memory can be found, and what was left out and why',
  details: 'Of every agent, unless one is named. Ends with exit code 1 when an index cannot be used.',
  options: {
    ...rpcOptionsWith(600_000),
    ...agentOption,
    deep: flag('Ask the provider of vectors whether it answers'),
    index: flag('Read what changed first; implies --deep')
  },
  examples: [
    ['openclaw memory status', 'Files, pieces, and files that were left out.'],
    ['openclaw memory status --deep --agent main', 'And whether the provider answers.']
  ],
  run: context => withGateway(context, memoryCourse('Memory status'), async ({ client }) => {
    const { out, options } = context
    const statuses: MemoryStatus[] = []
    for (const agentId of await agentsOf(client, options.agent)) {
      const status = options.index
        ? await client.request('memory.index', { agentId }, { timeoutMs: options.timeout })
        : await client.request('doctor.memory.status', { agentId, probe: options.deep }, { timeoutMs: options.timeout })
      statuses.push(status as unknown as MemoryStatus)
    }
    if (options.json) out.json(statuses)
    else out.line(statuses.map(statusText).join('\n\n'))
    return statuses.some(({ error }) => error !== undefined) ? exitCodes.failed : 0
  })
})
