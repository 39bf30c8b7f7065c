import { agentCourse } from '../agent-view.ts'
import { command, text, UsageError } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

export default command({
  name: 'agents set-identity',
  summary: 'Change the name, emoji, avatar or theme that an agent shows',
  details: 'What is not set here is read from IDENTITY.md in the workspace of the agent. An empty value takes a field away.',
  options: {
    ...rpcOptions,
    agent: text('id', 'Agent (default: the default one)'),
    name: text('name', 'Its name'),
    emoji: text('emoji', 'Its emoji'),
    avatar: text('value', 'Its picture: a path in the workspace, an http(s) address or a data URI'),
    theme: text('theme', 'Its theme')
  },
  examples: [['openclaw agents set-identity --agent main --name "Iris" --emoji "🦉"', 'It takes effect at once.']],
  async run (context) {
    const { agent, name, emoji, avatar, theme, json } = context.options
    const change = Object.fromEntries(Object.entries({ name, emoji, avatar, theme }).filter(([, value]) => value !== undefined))
    if (Object.keys(change).length === 0) throw new UsageError('Nothing to set: give --name, --emoji, --avatar or --theme')
    return await withGateway(context, agentCourse('Agents set-identity'), async ({ client }) => {
      const agentId = agent ?? (await client.request('agents.list') as { defaultId: string }).defaultId
      await client.request('agents.update', { agentId, ...change })
      const identity = await client.request('agent.identity.get', { agentId }) as { name?: string, emoji?: string }
      if (json) context.out.json(identity)
      else context.out.line(`Agent ${agentId} is ${[identity.emoji, identity.name].filter(Boolean).join(' ')}.`)
      return 0
    })
  }
})
