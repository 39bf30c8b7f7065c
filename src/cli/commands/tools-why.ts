import { exitCodes } from '../../lib/exit-codes.ts'
import { command, oneOfWords } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { placeOf, placeOptions, toolCourse, whyText, type Why } from '../tool-view.ts'
import { required, withGateway } from '../with-gateway.ts'

export default command({
  name: 'tools why',
  summary: 'Say which rule lets a tool be used, or keeps it away',
  details: 'Every rule in the order in which they are asked, with the setting that decides. Ends with exit code 1 when the tool may not be used.',
  args: [{ name: 'tool', help: 'Name or alias, as in openclaw tools list' }],
  options: {
    ...rpcOptions,
    ...placeOptions,
    from: oneOfWords('surface', ['run', 'http', 'rpc', 'mcp'], 'Who calls it: a run of the agent, or a program')
  },
  examples: [
    ['openclaw tools why exec', 'May the default agent run commands?'],
    ['openclaw tools why exec --from http', 'May a program, over POST /tools/invoke?']
  ],
  run: context => withGateway(context, toolCourse('Tools why'), async ({ client }) => {
    const { out, options, args } = context
    const why = await client.request('tools.why', {
      tool: required(args[0], 'tool'), ...placeOf(options), ...(options.from === undefined ? {} : { surface: options.from })
    }) as unknown as Why
    if (options.json) out.json(why)
    else out.line(whyText(why))
    return why.allowed ? 0 : exitCodes.failed
  })
})
