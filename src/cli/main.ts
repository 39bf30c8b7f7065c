/** The command line: finds the command, loads only that, parses, runs, and turns whatever happens into an exit code. */
import { commandIndex, groups, loadCommand } from './commands/index.ts'
import type { AnyCommand, CommandContext, CommandIo, OptionTable } from './define-command.ts'
import { flagOf } from './define-command.ts'
import { exitCodes } from '../lib/exit-codes.ts'
import { createOutput, type Output } from './output.ts'
import { selectCommand, takeTrailingGlobals, type Selection } from './select-command.ts'

export type { CommandIo } from './define-command.ts'

const beforeDashes = (argv: readonly string[]): readonly string[] => argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv

/** `argv` without the interpreter and the script. */
export async function main (argv: readonly string[], io: CommandIo): Promise<number> {
  const tokens = beforeDashes(argv)
  const out = createOutput(io, !tokens.includes('--no-color'))
  try {
    return await dispatch(selectCommand(argv, commandIndex), io, out)
  } catch (error) {
    const { reportFailure } = await import('./failure.ts')
    return reportFailure(error, { out, json: tokens.includes('--json') })
  }
}

async function dispatch (selection: Selection, io: CommandIo, out: Output): Promise<number> {
  if (selection.kind === 'version') {
    const { packageVersion } = await import('../lib/package-version.ts')
    out.line(packageVersion())
    return exitCodes.ok
  }
  if (selection.kind === 'help') return await showGroup(selection, io, out)
  const declaration = await loadCommand(selection.name)
  const own = new Set(Object.entries(declaration.options as OptionTable).map(([key, option]) => flagOf(key, option)))
  const rest = takeTrailingGlobals(selection.rest, own, selection.global)
  const parsed = await parse(declaration, rest)
  if (parsed === 'help') {
    const { commandHelp } = await import('./program.ts')
    out.line(commandHelp(declaration, io.stdout.columns).trimEnd())
    return exitCodes.ok
  }
  const context: CommandContext = { ...parsed, io, out, global: selection.global }
  return await declaration.run(context as CommandContext<never>)
}

async function parse (declaration: AnyCommand, rest: readonly string[]) {
  if (declaration.lean) {
    const { parseQuickly } = await import('./parse-quickly.ts')
    const parsed = parseQuickly(declaration, rest)
    if (parsed) return parsed
  }
  const { parseCommand } = await import('./program.ts')
  return parseCommand(declaration, rest)
}

async function showGroup (selection: { group: string | undefined, asked: boolean }, io: CommandIo, out: Output): Promise<number> {
  const { describeGroup } = await import('./describe-group.ts')
  const text = await describeGroup(selection.group, groups, io.stdout.columns)
  if (selection.asked) out.line(text)
  else out.note(text)
  return selection.asked ? exitCodes.ok : exitCodes.failed
}
