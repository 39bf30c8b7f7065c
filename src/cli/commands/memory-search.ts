import { exitCodes } from '../../lib/exit-codes.ts'
import { command, decimal, integer, text } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { agentOption, foundText, memoryCourse, type MemoryFound } from '../memory-view.ts'
import { rpcOptionsWith } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

export default command({
  name: 'memory search',
  summary: 'Search MEMORY.md and the notes of an agent',
  details: 'By words, and by meaning where memory.search.provider names a provider. Ends with exit code 1 when nothing could be searched.',
  args: [{ name: 'query', help: 'What to look for', optional: true }],
  options: {
    ...rpcOptionsWith(60_000),
    ...agentOption,
    query: text('text', 'The same as an option; wins over the argument'),
    maxResults: integer('n', 'Most results', { min: 1, max: 50 }),
    minScore: decimal('n', 'Leave out what fits less', { min: 0, max: 1 })
  },
  examples: [
    ['openclaw memory search "release checklist"', 'In the notes of the default agent.'],
    ['openclaw memory search deployment --agent ops --max-results 20 --json', 'For programs.']
  ],
  async run (context) {
    const { out, options, args } = context
    const query = options.query ?? args[0]
    if (!query) throw new CommandFailure('Memory search failed: say what to look for, as an argument or with --query.')
    return await withGateway(context, memoryCourse('Memory search'), async ({ client }) => {
      const found = await client.request('memory.search', {
        query,
        ...options.agent === undefined ? {} : { agentId: options.agent },
        ...options.maxResults === undefined ? {} : { maxResults: options.maxResults },
        ...options.minScore === undefined ? {} : { minScore: options.minScore }
      }, { timeoutMs: options.timeout }) as unknown as MemoryFound
      if (options.json) out.json(found)
      else {
        if (!found.unavailable) out.line(foundText(found))
        if (found.warning !== undefined) out.note([found.warning, found.action].filter(Boolean).join(' '))
      }
      return found.unavailable ? exitCodes.failed : 0
    })
  }
})
