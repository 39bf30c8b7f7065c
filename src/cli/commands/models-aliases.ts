import { formatPath } from '../../config/path-syntax.ts'
import { command, UsageError } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { changeChoice, fullName, readChoice } from '../model-choice.ts'
import { jsonOption } from '../rpc-options.ts'
import { required } from '../with-gateway.ts'

const aliasPath = (ref: string): string => formatPath(['agents', 'defaults', 'models', ref, 'alias'])

export default command({
  name: 'models aliases',
  summary: 'List, add or remove short names of models: list | add <alias> <model> | remove <alias>',
  args: [
    { name: 'action', help: 'list (default), add or remove', optional: true },
    { name: 'alias', help: 'The short name', optional: true },
    { name: 'model', help: 'provider/model', optional: true }
  ],
  options: jsonOption,
  examples: [
    ['openclaw models aliases', 'Those that there are.'],
    ['openclaw models aliases add fast openai/gpt-5-mini', 'From now on "fast" is that model.']
  ],
  async run (context) {
    const [action = 'list', name, model] = context.args
    const { out, options } = context
    const choice = await readChoice(context)
    if (action === 'list') {
      if (options.json) out.json({ aliases: choice.aliases })
      else out.line(Object.entries(choice.aliases).map(([alias, ref]) => `${alias} -> ${ref}`).join('\n') || 'No aliases.')
      return 0
    }
    const alias = required(name, 'alias')
    if (action === 'add') {
      if (!/^[A-Za-z0-9._:-]{1,64}$/.test(alias)) throw new UsageError('An alias has letters, digits and ._:- only (at most 64)')
      const ref = fullName(required(model, 'model'), choice)
      const before = choice.aliases[alias]
      return await changeChoice(context, [
        ...(before !== undefined && before !== ref ? [{ kind: 'unset' as const, path: aliasPath(before) }] : []),
        { kind: 'set', path: aliasPath(ref), value: alias }
      ], `${alias} -> ${ref}.`)
    }
    if (action !== 'remove') throw new UsageError(`Unknown action "${action}": use list, add or remove`)
    const ref = choice.aliases[alias]
    if (ref === undefined) throw new CommandFailure(`There is no alias "${alias}" (openclaw models aliases).`, 'alias_unknown')
    return await changeChoice(context, [{ kind: 'unset', path: aliasPath(ref) }], `Removed alias ${alias}.`)
  }
})
