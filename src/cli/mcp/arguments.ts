/** Arguments of the tools of a bridge: read one by one, with a sentence for what does not fit. */
import { McpRefusal, mcpErrors } from '../../protocol/mcp.ts'

export type Arguments = { readonly [name: string]: unknown }

const wrong = (name: string, expected: string): McpRefusal => new McpRefusal(mcpErrors.params, `${name} must be ${expected}`)

export function textArgument (args: Arguments, name: string): string | undefined {
  const value = args[name] ?? undefined
  if (value !== undefined && typeof value !== 'string') throw wrong(name, 'a string')
  return value === undefined || value.trim() === '' ? undefined : value
}

export function neededText (args: Arguments, name: string): string {
  const value = textArgument(args, name)
  if (value === undefined) throw wrong(name, 'a string that is not empty')
  return value
}

interface Bounds {
  readonly least: number
  readonly most: number
  readonly otherwise: number
}

export function numberArgument (args: Arguments, name: string, { least, most, otherwise }: Bounds): number {
  const value = args[name] ?? otherwise
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw wrong(name, `a whole number from ${least} to ${most}`)
}

export function flagArgument (args: Arguments, name: string): boolean {
  const value = args[name] ?? true
  if (typeof value !== 'boolean') throw wrong(name, 'true or false')
  return value
}

export function wordArgument<const W extends string> (args: Arguments, name: string, words: readonly W[]): W {
  const value = args[name]
  if (!words.includes(value as W)) throw wrong(name, `one of ${words.join(', ')}`)
  return value as W
}

/** Schemas as the client is told them. */
export const text = (description: string): object => ({ type: 'string', description })
export const number = (minimum: number, maximum: number, description: string): object => ({ type: 'integer', minimum, maximum, description })
export const flag = (description: string): object => ({ type: 'boolean', description })
export const words = (values: readonly string[], description: string): object => ({ type: 'string', enum: values, description })

export const inputs = (properties: { readonly [name: string]: object }, required: readonly string[] = []): object =>
  ({ type: 'object', properties, ...(required.length > 0 ? { required } : {}), additionalProperties: false })
