/** What stands in the body of a request, checked; the sentences are those that OpenAI's clients know. */
import { invalid } from './errors.ts'

export type Fields = { readonly [name: string]: unknown }

export const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)

/** null is what many clients write for nothing. */
const given = (body: Fields, name: string): unknown => body[name] ?? undefined

export function numberIn (body: Fields, name: string, min: number, max: number): number | undefined {
  const value = given(body, name)
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !(value >= min && value <= max)) throw invalid(`\`${name}\` must be between ${min} and ${max}.`, name)
  return value
}

export function integerIn (body: Fields, name: string, min: number, max = Number.MAX_SAFE_INTEGER): number | undefined {
  const value = given(body, name)
  if (value === undefined) return undefined
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return value as number
  const range = max < Number.MAX_SAFE_INTEGER ? ` between ${min} and ${max}` : min > Number.MIN_SAFE_INTEGER ? ` of at least ${min}` : ''
  throw invalid(`\`${name}\` must be a whole number${range}.`, name)
}

export function flagIn (body: Fields, name: string): boolean | undefined {
  const value = given(body, name)
  if (value === undefined || typeof value === 'boolean') return value
  throw invalid(`\`${name}\` must be true or false.`, name)
}

export function textIn (body: Fields, name: string, param = name): string | undefined {
  const value = given(body, name)
  if (value === undefined || typeof value === 'string') return value
  throw invalid(`\`${param}\` must be a string.`, param)
}

export function objectIn (body: Fields, name: string, param = name): Fields | undefined {
  const value = given(body, name)
  if (value === undefined || isFields(value)) return value
  throw invalid(`\`${param}\` must be an object.`, param)
}

export function listIn (body: Fields, name: string, max: number): readonly unknown[] | undefined {
  const value = given(body, name)
  if (value === undefined) return undefined
  if (!Array.isArray(value)) throw invalid(`\`${name}\` must be a list.`, name)
  if (value.length > max) throw invalid(`\`${name}\` must not have more than ${max} entries.`, name)
  return value
}

export function bodyOf (body: unknown): Fields {
  if (isFields(body)) return body
  throw invalid('The body must be a JSON object.')
}
