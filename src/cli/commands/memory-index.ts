import { exitCodes } from '../../lib/exit-codes.ts'
import { command, flag } from '../define-command.ts'
import { agentOption, agentsOf, memoryCourse, statusText, type MemoryStatus } from '../memory-view.ts'
import { rpcOptionsWith } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

export default command({
  name: 'memory index',
  summary: 'Read what changed in an agent\'s memory, and wait for it',
  details: 'A search does the same by itself. Of every agent, unless one is named. Ends with exit code 1 when vectors are missing that should be there.',
  options: {
    ...rpcOptionsWith(600_000),
    ...agentOption,
    force: flag('Throw the index away, vectors too, and read everything')
  },
  examples: [
    ['openclaw memory index', 'What changed.'],
    ['openclaw memory index --force --agent main', 'Everything, such as after the provider has changed its model.']
  ],
  run: context => withGateway(context, memoryCourse('Memory index'), async ({ client }) => {
    const { out, options } = context
    const statuses: MemoryStatus[] = []
    for (const agentId of await agentsOf(client, options.agent)) {
      const status = await client.request('memory.index', { agentId, force: options.force }, { timeoutMs: options.timeout })
      statuses.push(status as unknown as MemoryStatus)
    }
    if (options.json) out.json(statuses)
    else out.line(statuses.map(statusText).join('\n\n'))
    const failed = ({ error, provider, embedding }: MemoryStatus): boolean => error !== undefined || (provider !== 'none' && !embedding.ok)
    return statuses.some(failed) ? exitCodes.failed : 0
  })
})
