import { exitCodes } from '../../lib/exit-codes.ts'
import { command } from '../define-command.ts'
import { pluginCourse, switchedText, type Switched } from '../plugin-view.ts'
import { rpcOptions } from '../rpc-options.ts'
import { required, withGateway } from '../with-gateway.ts'

export default command({
  name: 'plugins enable',
  summary: 'Load a plugin, now and after every start',
  details: 'Writes plugins.entries.<id>.enabled into the configuration; the running gateway loads it at once. Ends with exit code 1 when it does not load.',
  args: [{ name: 'id', help: 'Id of the plugin, as in openclaw plugins list' }],
  options: rpcOptions,
  examples: [['openclaw plugins enable hello', 'It is there at once, without a restart.']],
  run: context => withGateway(context, pluginCourse('Plugins enable'), async ({ client }) => {
    const { out, options, args } = context
    const switched = await client.request('plugins.setEnabled', { pluginId: required(args[0], 'id'), enabled: true }) as unknown as Switched
    if (options.json) out.json(switched)
    else out.line(switchedText(switched, true))
    return (switched.plugin.state === 'enabled') === true ? 0 : exitCodes.failed
  })
})
