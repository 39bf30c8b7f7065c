import { agentCourse, agentLines, agentListText, type AgentPresence, type AgentRow } from '../agent-view.ts'
import { command } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

export default command({
  name: 'agents list',
  summary: 'List agents: who they are, what they run on and whether they are at work',
  options: rpcOptions,
  examples: [
    ['openclaw agents list', 'One line for each.'],
    ['openclaw agents list --json', 'The same for programs.']
  ],
  run: context => withGateway(context, agentCourse('Agents list'), async ({ client }) => {
    const { agents, defaultId } = await client.request('agents.list') as { agents: AgentRow[], defaultId: string }
    const { agents: presence } = await client.request('agents.presence').catch(() => ({ agents: [] })) as { agents: AgentPresence[] }
    const lines = agentLines(agents, defaultId, presence)
    if (context.options.json) context.out.json(lines)
    else context.out.line(agentListText(lines))
    return 0
  })
})
