import { command, flag, text } from '../define-command.ts'
import { modelCourse, modelLine, modelListText, type ModelRow } from '../model-view.ts'
import { rpcOptions } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

export default command({
  name: 'models list',
  summary: 'List the models that can be used',
  options: {
    ...rpcOptions,
    all: flag('Also those that are only known'),
    agent: text('id', 'As this agent may use them'),
    provider: text('id', 'Only those of this provider'),
    plain: flag('Names alone')
  },
  examples: [
    ['openclaw models list', 'What is configured or can be used as it is.'],
    ['openclaw models list --all --provider openai', 'Everything that is known of one provider.']
  ],
  run: context => withGateway(context, modelCourse('Models list'), async ({ client }) => {
    const { options: { all, agent, provider, plain, json }, out } = context
    const { models } = await client.request('models.list', {
      ...(all ? { view: 'all' as const } : {}), ...(agent === undefined ? {} : { agentId: agent })
    }) as { models: ModelRow[] }
    const rows = provider === undefined ? models : models.filter(row => row.provider === provider)
    if (json) out.json({ count: rows.length, models: rows.map(modelLine) })
    else if (plain) for (const row of rows) out.line(modelLine(row).key)
    else out.line(modelListText(rows))
    return 0
  })
})
