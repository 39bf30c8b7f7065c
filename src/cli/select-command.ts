/** Finds out which command is meant, before anything of that command is loaded. */
import { logLevels } from '../log/level.ts'
import { UsageError, type GlobalOptions } from './define-command.ts'

export interface GroupDeclaration {
  readonly summary: string
  /** The member that runs when none is named. */
  readonly fallback?: string
}

export interface CommandIndex {
  /** Full names (`devices approve`) to whatever loads them. */
  readonly commands: { readonly [name: string]: unknown }
  readonly groups: { readonly [name: string]: GroupDeclaration }
  /** Other names of the same command. */
  readonly aliases: { readonly [name: string]: string }
}

export type Selection =
  | { readonly kind: 'command', readonly name: string, readonly rest: readonly string[], readonly global: GlobalOptions }
  | { readonly kind: 'help', readonly group: string | undefined, readonly global: GlobalOptions, readonly asked: boolean }
  | { readonly kind: 'version' }

const helpFlags = new Set(['-h', '--help', 'help'])
const valueFlags: ReadonlyMap<string, 'profile' | 'logLevel'> = new Map([['--profile', 'profile'], ['--log-level', 'logLevel']])

/** Takes a root option off the front of `tokens`; false when there is none. */
function takeGlobal (tokens: string[], global: GlobalOptions): boolean {
  const [first = ''] = tokens
  if (first === '--dev') global.dev = true
  else if (first === '--no-color') global.color = false
  else {
    const [flag = '', inline] = first.split(/=(.*)/s, 2)
    const key = valueFlags.get(flag)
    if (!key) return false
    if (inline === undefined) tokens.shift()
    const value = inline ?? tokens[0]
    if (value === undefined) throw new UsageError(`option '${flag}' needs a value`)
    if (key === 'logLevel' && !(logLevels as readonly string[]).includes(value)) {
      throw new UsageError(`Invalid --log-level (use ${logLevels.map(level => `"${level}"`).join(', ')})`)
    }
    global[key] = value
  }
  tokens.shift()
  return true
}

/** Root options may also stand behind the command, where it has none of the same name. */
export function takeTrailingGlobals (rest: readonly string[], own: ReadonlySet<string>, global: GlobalOptions): string[] {
  const end = rest.indexOf('--')
  const tokens = rest.slice(0, end < 0 ? rest.length : end)
  const kept: string[] = []
  while (tokens.length > 0) {
    const flag = tokens[0]!.split('=', 1)[0]!
    if (own.has(flag) || !takeGlobal(tokens, global)) kept.push(tokens.shift()!)
  }
  return [...kept, ...(end < 0 ? [] : rest.slice(end))]
}

/** Edits needed to turn one word into the other. */
function distance (a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1))
    row = next
  }
  return row[b.length]!
}

function unknown (word: string, known: readonly string[], group: string | undefined): UsageError {
  const near = known.map(name => [distance(word, name), name] as const).sort(([a], [b]) => a - b)[0]
  const hint = near && near[0] <= 2 ? `\nDid you mean "${near[1]}"?` : ''
  const where = group ? ` ${group}` : ''
  return new UsageError(`openclaw${where} does not know the command "${word}".${hint}\nTry: openclaw${where} --help`)
}

const membersOf = (index: CommandIndex, group: string | undefined): string[] => group === undefined
  ? [...new Set([...Object.keys(index.commands).map(name => name.split(' ')[0]!), ...Object.keys(index.aliases).filter(name => !name.includes(' '))])]
  : Object.keys(index.commands).filter(name => name.startsWith(`${group} `)).map(name => name.slice(group.length + 1))

function selectInGroup (index: CommandIndex, group: string, rest: string[], global: GlobalOptions): Selection {
  const [word] = rest
  const { fallback } = index.groups[group]!
  const full = `${group} ${word}`
  const named = word === undefined ? undefined : Object.hasOwn(index.aliases, full) ? index.aliases[full]! : full
  if (named !== undefined && Object.hasOwn(index.commands, named)) return { kind: 'command', name: named, rest: rest.slice(1), global }
  if (word !== undefined && helpFlags.has(word)) return { kind: 'help', group, global, asked: true }
  if (word !== undefined && !word.startsWith('-')) throw unknown(word, membersOf(index, group), group)
  return fallback ? { kind: 'command', name: fallback, rest, global } : { kind: 'help', group, global, asked: false }
}

export function selectCommand (argv: readonly string[], index: CommandIndex): Selection {
  const global: GlobalOptions = { dev: false, profile: undefined, logLevel: undefined, color: true }
  const tokens = [...argv]
  while (tokens.length > 0 && takeGlobal(tokens, global));
  const [word, ...rest] = tokens
  if (word === undefined) return { kind: 'help', group: undefined, global, asked: false }
  if (word === '--version' || word === '-V') return { kind: 'version' }
  if (helpFlags.has(word)) return { kind: 'help', group: rest.find(name => Object.hasOwn(index.groups, name)), global, asked: true }
  if (word.startsWith('-')) throw new UsageError(`openclaw does not know the option "${word}".\nTry: openclaw --help`)
  const name = Object.hasOwn(index.aliases, word) ? index.aliases[word]! : word
  if (Object.hasOwn(index.groups, name)) return selectInGroup(index, name, rest, global)
  if (!Object.hasOwn(index.commands, name)) throw unknown(word, membersOf(index, undefined), undefined)
  return { kind: 'command', name, rest, global }
}
