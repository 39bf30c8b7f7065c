import { command } from '../define-command.ts'
import { inspectText, pluginCourse, type Inspection } from '../plugin-view.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway, required } from '../with-gateway.ts'

export default command({
  name: 'plugins inspect',
  summary: 'Show what a plugin brings: tools, methods with their scopes, routes',
  args: [{ name: 'id', help: 'Id of the plugin, as in openclaw plugins list' }],
  options: rpcOptions,
  examples: [['openclaw plugins inspect hello', 'Everything that the plugin hello has registered.']],
  run: context => callGateway(context, pluginCourse('Plugins inspect'), 'plugins.inspect', { pluginId: required(context.args[0], 'id') },
    (inspection: Inspection) => context.out.line(inspectText(inspection)))
})
