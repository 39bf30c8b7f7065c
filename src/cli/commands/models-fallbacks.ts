import { command, UsageError, type CommandContext } from '../define-command.ts'
import { CommandFailure } from '../failure.ts'
import { changeChoice, fullName, modelPath, readChoice, type ModelChoice } from '../model-choice.ts'
import { jsonOption } from '../rpc-options.ts'
import { required } from '../with-gateway.ts'

type Change = CommandContext<{ json: boolean }>

async function write (context: Change, { primary, detailed }: ModelChoice, fallbacks: readonly string[]): Promise<number> {
  if (primary === undefined) throw new CommandFailure('Fallbacks stand behind a model: choose one first (openclaw models set <model>).', 'model_unset')
  const said = fallbacks.length > 0 ? `Fallbacks: ${fallbacks.join(', ')}.` : 'No fallbacks.'
  const operation = detailed
    ? { kind: 'set' as const, path: `${modelPath}.fallbacks`, value: fallbacks }
    : { kind: 'set' as const, path: modelPath, value: { primary, fallbacks } }
  return await changeChoice(context, [operation], said)
}

export default command({
  name: 'models fallbacks',
  summary: 'List, add or remove the models that answer when the first cannot: list | add <model> | remove <model> | clear',
  args: [
    { name: 'action', help: 'list (default), add, remove or clear', optional: true },
    { name: 'model', help: 'provider/model or an alias', optional: true }
  ],
  options: jsonOption,
  examples: [
    ['openclaw models fallbacks', 'In the order in which they are tried.'],
    ['openclaw models fallbacks add openai/gpt-5-mini', 'It becomes the last one.']
  ],
  async run (context) {
    const [action = 'list', name] = context.args
    const choice = await readChoice(context)
    const { fallbacks } = choice
    if (action === 'list') {
      if (context.options.json) context.out.json({ fallbacks })
      else context.out.line(fallbacks.join('\n') || 'No fallbacks.')
      return 0
    }
    if (action === 'clear') return await write(context, choice, [])
    if (action !== 'add' && action !== 'remove') throw new UsageError(`Unknown action "${action}": use list, add, remove or clear`)
    const model = fullName(required(name, 'model'), choice)
    const others = fallbacks.filter(ref => ref !== model && ref !== name)
    if (action === 'remove' && others.length === fallbacks.length) throw new CommandFailure(`${model} is no fallback (openclaw models fallbacks).`, 'fallback_unknown')
    return await write(context, choice, action === 'add' ? [...others, model] : others)
  }
})
