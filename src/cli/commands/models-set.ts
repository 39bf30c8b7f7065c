import { agentCourse } from '../agent-view.ts'
import { command, text } from '../define-command.ts'
import { changeChoice, fullName, modelPath, readChoice } from '../model-choice.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

export default command({
  name: 'models set',
  summary: 'Choose the model that answers',
  details: 'Without --agent it is that of all agents, written into the configuration of this machine. With --agent the gateway changes that agent at once.',
  args: [{ name: 'model', help: 'provider/model or an alias' }],
  options: { ...rpcOptions, agent: text('id', 'Only for this agent') },
  examples: [
    ['openclaw models set anthropic/claude-sonnet-4-5', 'Its fallbacks stay.'],
    ['openclaw models set fast --agent work', 'An alias, for one agent.']
  ],
  async run (context) {
    const name = required(context.args[0], 'model')
    const { agent } = context.options
    if (agent !== undefined) {
      return await callGateway(context, agentCourse('Models set'), 'agents.update', { agentId: agent, model: name },
        () => context.out.line(`Agent ${agent} answers with ${name}.`))
    }
    const choice = await readChoice(context)
    const model = fullName(name, choice)
    return await changeChoice(context, [{ kind: 'set', path: choice.detailed ? `${modelPath}.primary` : modelPath, value: model }], `Default model: ${model}.`)
  }
})
