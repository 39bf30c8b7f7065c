import { resolve } from 'node:path'
import { agentCourse } from '../agent-view.ts'
import { command, flag, text } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

export default command({
  name: 'agents add',
  summary: 'Add an agent with a workspace of its own',
  details: 'It can be talked to at once; the configuration file keeps its comments.',
  args: [{ name: 'name', help: 'Name of the agent; its id follows from it' }],
  options: {
    ...rpcOptions,
    workspace: text('dir', 'Directory that it works in (default: one beside that of the default agent)'),
    model: text('name', 'Its model: provider/model or an alias (openclaw models list)'),
    emoji: text('emoji', 'Emoji that it shows'),
    nonInteractive: flag('Accepted and without effect: nothing is asked', { hidden: true })
  },
  examples: [
    ['openclaw agents add work', 'Its id is work.'],
    ['openclaw agents add "Research Bot" --model anthropic/claude-sonnet-4-5 --json', 'Its id is research-bot.']
  ],
  run: context => {
    const { workspace, model, emoji } = context.options
    return callGateway(context, agentCourse('Agents add'), 'agents.create', {
      name: required(context.args[0], 'name'),
      // The gateway does not know where this command was typed.
      ...(workspace === undefined ? {} : { workspace: workspace.startsWith('~') ? workspace : resolve(workspace) }),
      ...(model === undefined ? {} : { model }),
      ...(emoji === undefined ? {} : { emoji })
    }, ({ agentId, workspace: directory }: { agentId: string, workspace: string }) =>
      context.out.line(`Added agent ${agentId}.\nWorkspace: ${directory}\nTalk to it: openclaw agent --agent ${agentId} --message "Hello"`))
  }
})
