import { command } from '../define-command.ts'
import { listText, pluginCourse, type PluginList } from '../plugin-view.ts'
import { rpcOptions } from '../rpc-options.ts'
import { callGateway } from '../with-gateway.ts'

export default command({
  name: 'plugins list',
  summary: 'List the plugins that the configuration names, and how they are',
  details: 'Plugins are named in plugins.load.paths. Nothing is searched for them, and no workspace of an agent is ever looked into.',
  options: rpcOptions,
  examples: [['openclaw plugins list', 'What is loaded, what is not.']],
  run: context => callGateway(context, pluginCourse('Plugins list'), 'plugins.list', {}, (list: PluginList) => context.out.line(listText(list)))
})
