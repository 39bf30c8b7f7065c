/** Commander, fed from our declarations: parsing, errors and the look of the help are its job. */
import { Command, CommanderError, Option } from 'commander'
import { flagOf, UsageError, type AnyCommand, type OptionDeclaration, type OptionTable } from './define-command.ts'

export interface ParsedCommand {
  options: { [key: string]: unknown }
  args: (string | undefined)[]
}

const rootOptions: readonly (readonly [flags: string, help: string])[] = [
  ['--dev', 'Use the dev profile: its own state directory, base port 19001'],
  ['--profile <name>', 'Use a profile: its own state directory and configuration'],
  ['--log-level <level>', 'Log level of this process'],
  ['--no-color', 'No colours (also: NO_COLOR=1)']
]

const globalHelp = `\nGlobal options:\n${rootOptions.map(([flags, help]) => `  ${flags.padEnd(22)} ${help}`).join('\n')}`

const examplesHelp = (examples: AnyCommand['examples']): string =>
  examples.length === 0 ? '' : `\nExamples:\n${examples.map(([line, what]) => `  ${line}\n    ${what}`).join('\n')}`

const usualExits = { 0: 'Done', 1: 'Wrong usage, a refusal or a failure; the message says what to do' }

const exitsHelp = (own: AnyCommand['exits'] = {}): string =>
  `\nExit codes:\n${Object.entries({ ...usualExits, ...own }).map(([code, when]) => `  ${code.padEnd(3)} ${when}`).join('\n')}`

function toOption (key: string, option: OptionDeclaration): Option {
  const flags = flagOf(key, option)
  const short = option.short ? `-${option.short}, ` : ''
  const shape = { flag: flags, unset: flags, value: `${flags} <${option.value}>`, list: `${flags} <${option.value}>` }[option.kind]
  const built = new Option(short + shape, option.help).hideHelp(option.hidden ?? false)
  if (option.kind === 'value') built.argParser(given => option.parse(given, flags))
  if (option.kind === 'list') built.argParser((given, before: string[] | undefined) => [...(before ?? []), option.parse(given, flags) as string])
  return built
}

function plain (name: string, width: number | undefined): Command {
  return new Command(name)
    .exitOverride()
    .configureHelp({ sortOptions: true, showGlobalOptions: false })
    .configureOutput({ writeOut: () => undefined, writeErr: () => undefined, getOutHelpWidth: () => Math.min(width ?? 100, 120) })
    .helpOption('-h, --help', 'Show this help')
}

function build (declaration: AnyCommand, width: number | undefined): Command {
  const program = plain(`openclaw ${declaration.name}`, width)
  program.description(declaration.details ? `${declaration.summary}\n\n${declaration.details}` : declaration.summary)
  program.allowExcessArguments(false).showSuggestionAfterError(true)
  for (const { name, help, optional } of declaration.args ?? []) program.argument(optional ? `[${name}]` : `<${name}>`, help)
  for (const [key, option] of Object.entries(declaration.options as OptionTable)) program.addOption(toOption(key, option))
  return program.addHelpText('after', examplesHelp(declaration.examples))
    .addHelpText('after', exitsHelp(declaration.exits))
    .addHelpText('after', globalHelp)
}

/** The text of `--help`. */
export function commandHelp (declaration: AnyCommand, width: number | undefined): string {
  let text = ''
  build(declaration, width).configureOutput({ writeOut: part => { text += part } }).outputHelp()
  return text
}

export interface GroupHelp {
  name: string | undefined
  summary: string
  members: readonly { name: string, summary: string, heading?: string }[]
  examples: AnyCommand['examples']
}

export function groupHelp (group: GroupHelp, width: number | undefined): string {
  let text = ''
  const program = plain(group.name ? `openclaw ${group.name}` : 'openclaw', width)
  program.description(group.summary).helpCommand(false)
  for (const [flags, help] of group.name ? [] : rootOptions) program.option(flags, help)
  if (!group.name) program.option('-V, --version', 'Print the version')
  for (const { name, summary, heading } of group.members) program.command(name).summary(summary).helpGroup(heading ?? 'Commands:')
  program.addHelpText('after', examplesHelp(group.examples))
  if (group.name) program.addHelpText('after', globalHelp)
  program.configureOutput({ writeOut: part => { text += part } }).outputHelp()
  return text
}

const sentence = (message: string): string => message.replace(/^error: /, '').replace(/\n\((Did you mean .*)\)$/, '\n$1')

export function parseCommand (declaration: AnyCommand, argv: readonly string[]): ParsedCommand | 'help' {
  const program = build(declaration, undefined)
  try {
    program.parse([...argv], { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.code === 'commander.helpDisplayed') return 'help'
    throw new UsageError(`${sentence(error.message)}\nTry: openclaw ${declaration.name} --help`)
  }
  const given = program.opts()
  const table = declaration.options as OptionTable
  // Commander keeps `--no-tls` as a `--tls` that is false, also where each of them is an option of its own.
  const isSaid = (key: string, option: OptionDeclaration): unknown =>
    option.kind === 'flag' && key.startsWith('no') && program.options.some(({ long, negate }) => negate && long === flagOf(key, option))
      ? given[`${key.charAt(2).toLowerCase()}${key.slice(3)}`] === false
      : given[key]
  const options = Object.fromEntries(Object.entries(table).map(([key, option]) => [key, isSaid(key, option) ?? option.fallback]))
  return { options, args: program.processedArgs }
}
