/**
 * The start of the daemon is measured in milliseconds and megabytes, and commander costs both (about 10 ms and 2 MB). So a `lean`
 * command is parsed with what Node brings along, as long as the line is plain; whatever is not plain is left to commander.
 */
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { flagOf, type AnyCommand, type OptionTable } from './define-command.ts'
import type { ParsedCommand } from './program.ts'

export function parseQuickly (declaration: AnyCommand, argv: readonly string[]): ParsedCommand | undefined {
  const table = declaration.options as OptionTable
  const names = new Map(Object.entries(table).map(([key, option]) => [flagOf(key, option).slice(2), key]))
  const config: NonNullable<ParseArgsConfig['options']> = {}
  for (const [name, key] of names) config[name] = { type: table[key]!.kind === 'value' ? 'string' : 'boolean' }
  let values: { [name: string]: unknown }
  try {
    values = parseArgs({ args: [...argv], options: config, strict: true, allowPositionals: false }).values
  } catch {
    return undefined
  }
  const options = Object.fromEntries(Object.entries(table).map(([key, option]) => [key, option.fallback]))
  for (const [name, key] of names) {
    const given = values[name]
    if (typeof given === 'string') options[key] = table[key]!.parse(given, `--${name}`)
    else if (given === true) options[key] = table[key]!.kind !== 'unset'
  }
  return { options, args: [] }
}
