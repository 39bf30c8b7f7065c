import { exitCodes } from '../../lib/exit-codes.ts'
import { command } from '../define-command.ts'
import { pluginCourse, switchedText, type Switched } from '../plugin-view.ts'
import { rpcOptions } from '../rpc-options.ts'
import { required, withGateway } from '../with-gateway.ts'

export default command({
  name: 'plugins disable',
  summary: 'Take a plugin away, now and after every start',
  details: 'Writes plugins.entries.<id>.enabled into the configuration; its tools, methods and routes are gone at once.',
  args: [{ name: 'id', help: 'Id of the plugin, as in openclaw plugins list' }],
  options: rpcOptions,
  examples: [['openclaw plugins disable hello', 'Its settings stay.']],
  run: context => withGateway(context, pluginCourse('Plugins disable'), async ({ client }) => {
    const { out, options, args } = context
    const switched = await client.request('plugins.setEnabled', { pluginId: required(args[0], 'id'), enabled: false }) as unknown as Switched
    if (options.json) out.json(switched)
    else out.line(switchedText(switched, false))
    return (switched.plugin.state === 'enabled') === false ? 0 : exitCodes.failed
  })
})
