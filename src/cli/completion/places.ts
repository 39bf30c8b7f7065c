/** What can be typed where: read off the declarations of the commands, so that nothing is listed that cannot be given. */
import { commandIndex, groups, loadCommand } from '../commands/index.ts'
import { flagOf, type AnyCommand, type OptionTable } from '../define-command.ts'

export interface Word {
  readonly word: string
  readonly help: string
  /** An option that wants a value behind it. */
  readonly takesValue: boolean
}

export interface Place {
  /** What stands before the cursor: nothing, `gateway` or `gateway run`. */
  readonly name: string
  readonly words: readonly Word[]
}

export interface Places {
  readonly all: readonly Place[]
  /** Words behind which another word of a command follows. */
  readonly groups: readonly string[]
}

const plain = (word: string, help: string, takesValue = false): Word => ({ word, help, takesValue })
const help = plain('--help', 'Show the help')

const rootOptions: readonly Word[] = [
  plain('--dev', 'Use the dev profile'), plain('--profile', 'Use a profile', true), plain('--log-level', 'Log level of this process', true),
  plain('--no-color', 'No colours'), plain('--version', 'Print the version'), help
]

function optionsOf (command: AnyCommand): Word[] {
  const shown = Object.entries(command.options as OptionTable).filter(([, { hidden }]) => !hidden)
  return [...shown.map(([key, option]) => plain(flagOf(key, option), option.help, option.kind === 'value' || option.kind === 'list')), help]
}

export async function readPlaces (): Promise<Places> {
  const names = Object.keys(commandIndex.commands)
  const commands = new Map(await Promise.all(names.map(async name => [name, await loadCommand(name)] as const)))
  // Other names of groups, and of what is in them, are understood; nobody is led to them.
  const aliases = Object.entries(commandIndex.aliases).filter(([name, meant]) => !name.includes(' ') && commands.has(meant))
  const optionsFor = (name: string | undefined): Word[] => name === undefined ? [help] : optionsOf(commands.get(name)!)
  const groupPlaces = Object.entries(groups).map(([group, { fallback }]): Place => {
    const members = [...commands].filter(([name]) => name.startsWith(`${group} `))
    const words = members.map(([name, { summary }]) => plain(name.slice(group.length + 1), summary))
    return { name: group, words: [...words, ...optionsFor(fallback)] }
  })
  const root: Word[] = [
    ...Object.entries(groups).map(([name, { summary }]) => plain(name, summary)),
    ...[...commands].filter(([name]) => !name.includes(' ')).map(([name, { summary }]) => plain(name, summary)),
    ...aliases.map(([name, meant]) => plain(name, commands.get(meant)!.summary)),
    ...rootOptions
  ]
  return {
    groups: Object.keys(groups),
    all: [
      { name: '', words: root },
      ...groupPlaces,
      ...[...commands.keys()].map(name => ({ name, words: optionsFor(name) })),
      ...aliases.map(([name, meant]) => ({ name, words: optionsFor(meant) }))
    ]
  }
}
