import { command } from '../define-command.ts'
import { rpcOptions } from '../rpc-options.ts'
import { effectiveText, placeOf, placeOptions, toolCourse, type Effective } from '../tool-view.ts'
import { callGateway } from '../with-gateway.ts'

export default command({
  name: 'tools list',
  summary: 'List the tools that an agent has in a conversation',
  details: 'What the rules keep away is not in the list; `openclaw tools why <tool>` says which rule does.',
  options: { ...rpcOptions, ...placeOptions },
  examples: [
    ['openclaw tools list', 'In the main conversation of the default agent.'],
    ['openclaw tools list --session agent:main:telegram:group:-100', 'In a group, where there may be fewer.']
  ],
  run: context => callGateway(context, toolCourse('Tools list'), 'tools.effective', placeOf(context.options), (effective: Effective) => {
    context.out.line(effectiveText(effective))
  })
})
