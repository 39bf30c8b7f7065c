/** What a command is: one declaration, from which parser, help, completion of types and the command list follow. */
import type { ServiceHost } from '../service/host.ts'
import type { Output } from './output.ts'

export interface CommandIo {
  env: NodeJS.ProcessEnv
  stdout: NodeJS.WritableStream & { isTTY?: boolean, columns?: number }
  stderr: NodeJS.WritableStream & { isTTY?: boolean }
  stdin: NodeJS.ReadableStream & { isTTY?: boolean }
  /** The machine whose services are meant; this one unless somebody names another. */
  serviceHost?: ServiceHost
}

/** A mistake of whoever typed the command. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface OptionDeclaration<Value = unknown> {
  readonly kind: 'flag' | 'unset' | 'value' | 'list'
  readonly help: string
  /** The name of the value in the help, e.g. `ms`. */
  readonly value?: string
  readonly hidden?: boolean
  /** One letter, typed with one dash. */
  readonly short?: string
  readonly parse: (text: string, flag: string) => unknown
  /** Only in the type: what `run` receives. */
  readonly of?: Value
  readonly fallback?: unknown
}

type Extra = { hidden?: boolean, short?: string }
const same = (text: string): string => text

export const flag = (help: string, extra: Extra = {}): OptionDeclaration<boolean> => ({ kind: 'flag', help, parse: same, fallback: false, ...extra })

/** `--no-x`: true unless it is given. */
export const unset = (help: string, extra: Extra = {}): OptionDeclaration<boolean> => ({ kind: 'unset', help, parse: same, fallback: true, ...extra })

export const text = (value: string, help: string, extra: Extra = {}): OptionDeclaration<string | undefined> =>
  ({ kind: 'value', value, help, parse: same, ...extra })

/** May be repeated. */
export const texts = (value: string, help: string): OptionDeclaration<string[] | undefined> => ({ kind: 'list', value, help, parse: same })

export function oneOfWords<const W extends string> (value: string, words: readonly W[], help: string): OptionDeclaration<W | undefined> {
  const expected = words.map(word => `"${word}"`).join(', ')
  const parse = (given: string, name: string): W => {
    if (words.includes(given as W)) return given as W
    throw new UsageError(`Invalid ${name} (use ${expected})`)
  }
  return { kind: 'value', value, help: `${help} (${words.join(' | ')})`, parse }
}

export interface Range { min: number, max: number }

const whole = (range: Range) => (given: string, name: string): number => {
  const number = Number(given)
  if (/^\d+$/.test(given) && number >= range.min && number <= range.max) return number
  throw new UsageError(`Invalid ${name} (use a whole number from ${range.min} to ${range.max})`)
}

export function integer (value: string, help: string, range: Range): OptionDeclaration<number | undefined>
export function integer (value: string, help: string, range: Range, fallback: number): OptionDeclaration<number>
export function integer (value: string, help: string, range: Range, fallback?: number): OptionDeclaration<number | undefined> {
  const shown = fallback === undefined ? help : `${help} (default: ${fallback})`
  return { kind: 'value', value, help: shown, parse: whole(range), ...(fallback === undefined ? {} : { fallback }) }
}

export function decimal (value: string, help: string, { min, max }: Range): OptionDeclaration<number | undefined> {
  const parse = (given: string, name: string): number => {
    const number = Number(given)
    if (/^\d*\.?\d+$/.test(given) && number >= min && number <= max) return number
    throw new UsageError(`Invalid ${name} (use a number from ${min} to ${max})`)
  }
  return { kind: 'value', value, help, parse }
}

export type OptionTable = { readonly [key: string]: OptionDeclaration }
export type OptionValues<T extends OptionTable> = { readonly [K in keyof T]: T[K] extends OptionDeclaration<infer V> ? V : never }

export interface ArgumentDeclaration {
  readonly name: string
  readonly help: string
  readonly optional?: true
}

export interface GlobalOptions {
  dev: boolean
  profile: string | undefined
  logLevel: string | undefined
  color: boolean
}

export interface CommandContext<Options = { readonly [key: string]: unknown }> {
  readonly options: Options
  /** In the order of the declaration; an optional one that was not given is undefined. */
  readonly args: readonly (string | undefined)[]
  readonly io: CommandIo
  readonly global: GlobalOptions
  readonly out: Output
}

export interface CommandDeclaration<T extends OptionTable = OptionTable> {
  /** Words as typed: `devices approve`. */
  readonly name: string
  readonly summary: string
  /** A paragraph for `--help`. */
  readonly details?: string
  readonly args?: readonly ArgumentDeclaration[]
  readonly options: T
  /** Starts the daemon: parsed without commander where possible, because its start is measured. */
  readonly lean?: true
  /** Command lines with what they do. */
  readonly examples: readonly (readonly [line: string, what: string])[]
  /** Exit codes of its own, beside those that every command has. */
  readonly exits?: { readonly [code: number]: string }
  /** Resolves to the exit code. */
  run (context: CommandContext<OptionValues<T>>): Promise<number>
}

/** A declaration whose option types are no longer known. */
export type AnyCommand = CommandDeclaration<never>

export const command = <const T extends OptionTable>(declaration: CommandDeclaration<T>): CommandDeclaration<T> => declaration

/** `requireRpc` is typed `--require-rpc`, an `unset` one `--no-require-rpc`. */
export const flagOf = (key: string, option: OptionDeclaration): string => {
  const name = key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
  return option.kind === 'unset' ? `--no-${name}` : `--${name}`
}
