import { exitCodes } from '../../lib/exit-codes.ts'
import { command, flag } from '../define-command.ts'
import { doctorText, hasErrors, pluginCourse, type PluginList } from '../plugin-view.ts'
import { rpcOptions } from '../rpc-options.ts'
import { withGateway } from '../with-gateway.ts'

export default command({
  name: 'plugins doctor',
  summary: 'Say what is the matter with plugins, and why one is not there',
  details: 'Ends with exit code 1 when a plugin cannot be loaded. Changed code of a plugin is best loaded by a restart of the gateway.',
  options: { ...rpcOptions, retry: flag('Read configuration and manifests again and load anew what has failed, before saying how it is') },
  examples: [
    ['openclaw plugins doctor', 'Every plugin that failed, and every remark.'],
    ['openclaw plugins doctor --retry', 'The same, after trying once more.']
  ],
  run: context => withGateway(context, pluginCourse('Plugins doctor'), async ({ client }) => {
    const { out, options } = context
    if (options.retry) await client.request('plugins.refresh', {})
    const list = await client.request('plugins.list', {}) as unknown as PluginList
    if (options.json) out.json(list)
    else out.line(doctorText(list))
    return hasErrors(list) ? exitCodes.failed : 0
  })
})
