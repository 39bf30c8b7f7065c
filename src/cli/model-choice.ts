/** The choice of models in the configuration of this machine, read and changed without a gateway. */
import { valueAt } from '../config/path-syntax.ts'
import { adviceOf, changeConfig, type ConfigOperation } from './config-change.ts'
import type { CommandContext } from './define-command.ts'
import { CommandFailure } from './failure.ts'
import { loadLocalSettings, pathsOf } from './local-settings.ts'

export const modelPath = 'agents.defaults.model'
export const modelsPath = 'agents.defaults.models'

export interface ModelChoice {
  readonly primary: string | undefined
  readonly fallbacks: readonly string[]
  /** Model by alias. */
  readonly aliases: { readonly [alias: string]: string }
  /** The model is written with its fallbacks, not as a name alone. */
  readonly detailed: boolean
}

export async function readChoice (context: CommandContext): Promise<ModelChoice> {
  const { loaded: { config, source } } = await loadLocalSettings(context)
  const { model, models } = config.agents.defaults
  const aliases = Object.entries(models).flatMap(([ref, settings]) => {
    const alias = (settings as { alias?: unknown } | null)?.alias
    return typeof alias === 'string' ? [[alias, ref]] : []
  })
  const written = valueAt(source, ['agents', 'defaults', 'model'])
  return {
    primary: typeof model === 'string' ? model : model?.primary,
    fallbacks: typeof model === 'object' ? model.fallbacks ?? [] : [],
    aliases: Object.fromEntries(aliases),
    detailed: typeof written === 'object'
  }
}

/** The full name behind an alias, or the name itself. */
export function fullName (name: string, { aliases }: ModelChoice): string {
  const alias = Object.keys(aliases).find(candidate => candidate.toLowerCase() === name.toLowerCase())
  const full = alias === undefined ? name : aliases[alias]!
  if (/^[^/]+\/.+/.test(full)) return full
  throw new CommandFailure(`"${name}" is no model: give provider/model or an alias (openclaw models list, openclaw models aliases).`, 'model_unknown')
}

type Change = CommandContext<{ readonly json: boolean }>

export async function changeChoice (context: Change, operations: readonly ConfigOperation[], said: string): Promise<number> {
  const result = await changeConfig(operations, { paths: pathsOf(context), env: context.io.env })
  if (context.options.json) context.out.json({ ok: true, changed: result.changed, restartRequired: result.restartRequired })
  else context.out.line(result.changed ? `${said} ${adviceOf(result)}` : 'No change')
  return 0
}
