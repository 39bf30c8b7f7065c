import { command } from '../define-command.ts'
import { jsonOption } from '../rpc-options.ts'

export default command({
  name: 'config schema',
  summary: 'Print the JSON Schema of the configuration',
  options: jsonOption,
  examples: [['openclaw config schema > openclaw.schema.json', 'For editors and checkers.']],
  async run ({ out }) {
    const { configJsonSchema } = await import('../../config/json-schema.ts')
    out.json(configJsonSchema())
    return 0
  }
})
