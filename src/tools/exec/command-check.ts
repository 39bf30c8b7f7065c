/** Whether every command of a command line is one of those that are allowed, and whether it names a place that is not. */
import { createHash } from 'node:crypto'
import { access } from 'node:fs/promises'
import { basename, isAbsolute, resolve } from 'node:path'
import { findProgram, isProgram } from '../../lib/programs.ts'
import { inlineCodeProblem, isInterpreter } from './inline-code.ts'
import { isWithin, placeProblem, realPlace, realPlaces, surroundsDenied, type Places } from './places.ts'
import { NotUnderstood, readCommands, type ShellWord, type SimpleCommand } from './shell-words.ts'

/** A line of an allowlist: a program by name or path, with `*` and `**`, and maybe the arguments it may have. */
export interface AllowRule {
  readonly pattern: string
  readonly argPattern?: string
}

export interface CheckOptions {
  readonly cwd: string
  /** Of the environment that the command will get. */
  readonly searchPath: string
  readonly rules: readonly AllowRule[]
  readonly places: Places
}

export interface CheckedCommand {
  readonly name: string
  readonly resolvedPath: string | undefined
  readonly argv: readonly string[]
  /** Where it would run; absent when that depends on what comes before. */
  readonly cwd?: string
  /** Why no rule allows it. */
  readonly problem?: string
  readonly rule?: AllowRule
}

export interface CommandCheck {
  /** Everything in it is allowed by a rule. */
  readonly isAllowed: boolean
  /** The first reason why it is not. */
  readonly problem?: string
  /** It names a place that it may not touch, whatever the rules say. */
  readonly forbidden?: string
  readonly commands: readonly CheckedCommand[]
  /** A rule could allow exactly this again. */
  readonly isRepeatable: boolean
}

/** Builtins of a shell that change nothing. */
const harmlessBuiltins = new Set(['true', 'false', ':', 'echo', 'pwd', 'exit'])
const assignment = /^[A-Za-z_][A-Za-z0-9_]*\+?=/

/** The key under which exactly these arguments are allowed in exactly this directory. */
export const argvKey = (argv: readonly string[], cwd: string): string =>
  `sha256:argv:${createHash('sha256').update(JSON.stringify([cwd, ...argv])).digest('hex')}`

async function locate (name: string, cwds: readonly string[], searchPath: string): Promise<string | undefined> {
  if (name.includes('/')) {
    const paths = isAbsolute(name) ? [name] : cwds.map(cwd => resolve(cwd, name))
    return paths.length === 1 && await isProgram(paths[0]!) ? paths[0] : undefined
  }
  return await findProgram(name, searchPath)
}

function globPattern (pattern: string): RegExp {
  const source = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('**', '\0').replaceAll('*', '[^/]*').replaceAll('?', '[^/]').replaceAll('\0', '.*')
  return new RegExp(`^${source}$`)
}

function matches ({ pattern, argPattern }: AllowRule, name: string, paths: readonly string[], key: string | undefined): boolean {
  const isMatch = pattern.includes('/')
    ? paths.some(path => path === pattern || (/[*?]/.test(pattern) && globPattern(pattern).test(path)))
    : !name.includes('/') && (pattern === '*' || pattern === name)
  return isMatch && (argPattern === undefined || argPattern === key)
}

/** A word as the places it may mean: itself, what follows a "=", what follows the letter of an option. */
function placesIn ({ text }: ShellWord): string[] {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return /^file:\/\//i.test(text) ? [text.slice(7)] : []
  const found = text.startsWith('-') ? [] : [text]
  const value = text.indexOf('=')
  if (value > 0) found.push(text.slice(value + 1))
  const slash = text.indexOf('/')
  if (slash > 0 && text.startsWith('-')) found.push(text.slice(slash))
  if (/^@/.test(text)) found.push(text.slice(1))
  return found.filter(place => place !== '' && place.length < 4096)
}

class Checker {
  readonly commands: CheckedCommand[] = []
  forbidden: string | undefined
  isRepeatable = true
  private cwds: readonly string[]
  private readonly options: CheckOptions

  constructor (options: CheckOptions) {
    this.options = options
    this.cwds = [options.cwd]
  }

  private get isRestricted (): boolean { return this.options.places.allowed !== undefined || this.options.places.denied.length > 0 }

  async check (command: SimpleCommand): Promise<void> {
    const { words, redirections } = command
    const [first, ...args] = words
    for (const { target } of redirections) await this.lookAt(target, true)
    for (const word of args) await this.lookAt(word, false)
    if (!first) return this.refuse('', 'a redirection without a command')
    await this.lookAt(first, false)
    const problem = this.wordProblem(command)
    if (problem) return this.refuse(first.text, problem)
    if (first.text === 'cd') return this.changeDirectory(args)
    await this.judge(first.text, args)
  }

  private refuse (name: string, problem: string): void {
    this.isRepeatable = false
    this.commands.push({ name, resolvedPath: undefined, argv: [], problem })
  }

  private wordProblem ({ words, redirections }: SimpleCommand): string | undefined {
    const [first, ...args] = words
    if (!first!.isLiteral) return 'which command it is cannot be known before it runs'
    if (assignment.test(first!.text)) return 'it sets a variable of the shell'
    if (redirections.some(({ target }) => !target.isLiteral)) return 'it is redirected to a place that is not known before it runs'
    for (const { mode, target } of redirections) {
      if (mode === 'write' && target.text !== '/dev/null') return `it writes into ${target.text} past its program`
    }
    if (this.isRestricted && args.some(({ isLiteral }) => !isLiteral)) return 'it gets arguments that are not known before it runs'
    return undefined
  }

  private async judge (name: string, args: readonly ShellWord[]): Promise<void> {
    const { searchPath, rules, places } = this.options
    const found = await locate(name, this.cwds, searchPath)
    const resolvedPath = found === undefined ? undefined : await realPlace(found)
    const paths = [found, resolvedPath].filter(path => path !== undefined)
    const isKnown = args.every(({ isLiteral }) => isLiteral)
    const argv = [name, ...args.map(({ text }) => text)]
    const cwd = this.cwds.length === 1 ? this.cwds[0] : undefined
    const key = cwd === undefined || !isKnown ? undefined : argvKey(argv, cwd)
    // What an agent can write is not the program that somebody meant by a name.
    const isOwn = paths.some(path => [places.workspace, ...places.allowed ?? []].some(root => isWithin(root, path)))
    const isUsable = ({ pattern, argPattern }: AllowRule): boolean =>
      (!isOwn || pattern === resolvedPath) && (argPattern === undefined || key !== undefined)
    const rule = rules.find(candidate => isUsable(candidate) && matches(candidate, name, paths, key))
    const names = [name, ...paths.map(path => basename(path))]
    const inline = inlineCodeProblem(names, args)
    const missing = `${name} is not ${found ? 'on the allowlist' : 'a program on this machine'}`
    const problem = inline ?? (rule || harmlessBuiltins.has(name) ? undefined : missing)
    this.isRepeatable &&= key !== undefined && !inline && resolvedPath !== undefined && !isInterpreter(names)
    const findings = { ...(cwd === undefined ? {} : { cwd }), ...(rule ? { rule } : {}), ...(problem ? { problem } : {}) }
    this.commands.push({ name, resolvedPath, argv, ...findings })
  }

  /** What follows may be in either directory, because nobody knows yet whether this one succeeds. */
  private async changeDirectory (args: readonly ShellWord[]): Promise<void> {
    const [target] = args
    if (args.length !== 1 || !target!.isLiteral || target!.text.startsWith('-')) {
      return this.refuse('cd', 'cd goes to a place that is not known before it runs')
    }
    const places = await Promise.all(this.cwds.map(cwd => realPlace(resolve(cwd, target!.text))))
    const outside = places.map(place => placeProblem(place, this.options.places, true)).find(problem => problem !== undefined)
    if (outside) this.forbidden ??= outside
    this.cwds = [...new Set([...this.cwds, ...places])].slice(0, 16)
    this.commands.push({ name: 'cd', resolvedPath: undefined, argv: ['cd', target!.text] })
  }

  private async lookAt (word: ShellWord, isTarget: boolean): Promise<void> {
    if (!this.isRestricted || this.forbidden || /^\/dev\/(null|stdout|stderr|tty)$/.test(word.text)) return
    const candidates = isTarget ? [word.text] : placesIn(word)
    for (const candidate of candidates) {
      for (const cwd of this.cwds) {
        const place = await realPlace(resolve(cwd, candidate))
        const problem = placeProblem(place, this.options.places) ?? (word.isLiteral ? undefined : this.unknownProblem(place))
        if (problem && await this.isMeant(candidate, place)) this.forbidden ??= problem
      }
    }
  }

  /** File names that the shell fills in below a directory reach what is denied there. */
  private unknownProblem (place: string): string | undefined {
    return place !== '/' && surroundsDenied(place, this.options.places) ? `${place} has denied places in it` : undefined
  }

  /** A word is a place when it looks like one or something is there; programs of the system are not data. */
  private async isMeant (candidate: string, place: string): Promise<boolean> {
    if (this.options.searchPath.split(':').includes(resolve(place, '..')) && !this.options.places.denied.some(root => isWithin(root, place))) return false
    return candidate.includes('/') || candidate.startsWith('.') || await access(place).then(() => true, () => false)
  }
}

export async function checkCommand (command: string, options: CheckOptions): Promise<CommandCheck> {
  const checker = new Checker({ ...options, places: await realPlaces(options.places) })
  try {
    for (const simple of readCommands(command)) await checker.check(simple)
  } catch (error) {
    if (!(error instanceof NotUnderstood)) throw error
    return { isAllowed: false, problem: error.message, commands: checker.commands, isRepeatable: false }
  }
  const { commands, forbidden, isRepeatable } = checker
  const problem = commands.find(checked => checked.problem)?.problem
  return { isAllowed: !problem && !forbidden, ...(problem ? { problem } : {}), ...(forbidden ? { forbidden } : {}), commands, isRepeatable }
}
