import { command } from '../define-command.ts'
import { pathsOf } from '../local-settings.ts'
import { jsonOption } from '../rpc-options.ts'

export default command({
  name: 'config file',
  summary: 'Print where the configuration is',
  options: jsonOption,
  examples: [['openclaw config file', 'The path, whether the file exists or not.']],
  async run (context) {
    const { configPath } = pathsOf(context)
    if (context.options.json) context.out.json({ path: configPath })
    else context.out.line(configPath)
    return 0
  }
})
