/** Holds a value against a type of the schema, and says in plain words what would have been right. */
import { isObject } from '../lib/json-object.ts'
import type { PathStep } from './path-syntax.ts'

/** The part of JSON Schema that the declarations use. */
export interface JsonType {
  type?: string
  title?: string
  enum?: readonly unknown[]
  const?: unknown
  anyOf?: readonly JsonType[]
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  pattern?: string
  items?: JsonType
  required?: readonly string[]
  properties?: { readonly [key: string]: JsonType }
  patternProperties?: { readonly [pattern: string]: JsonType }
  additionalProperties?: boolean
}

export interface Mismatch { steps: PathStep[], expected: string, value: unknown }

export function describeType (type: JsonType): string {
  if (type.title) return type.title
  if (type.const !== undefined) return JSON.stringify(type.const)
  if (type.enum) return `one of ${type.enum.map(value => JSON.stringify(value)).join(', ')}`
  if (type.anyOf) return type.anyOf.map(describeType).join(' or ')
  switch (type.type) {
    case 'integer': return `an integer${describeRange(type)}`
    case 'number': return `a number${describeRange(type)}`
    case 'boolean': return 'true or false'
    case 'string': return describeText(type)
    case 'array': return type.items?.type === 'string' ? 'a list of strings' : 'a list'
    default: return 'an object'
  }
}

function describeRange ({ minimum, maximum }: JsonType): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`
  if (minimum !== undefined) return ` of at least ${minimum}`
  return maximum === undefined ? '' : ` of at most ${maximum}`
}

function describeText ({ minLength = 0, maxLength, pattern }: JsonType): string {
  if (pattern) return `a string that matches ${pattern}`
  if (maxLength !== undefined) return `a string of ${minLength} to ${maxLength} characters`
  return minLength > 0 ? 'a string that is not empty' : 'a string'
}

/** The first place where `value` is not of `type`; undefined when it fits. */
export function mismatchOf (type: JsonType, value: unknown, steps: PathStep[] = []): Mismatch | undefined {
  const wrong: Mismatch = { steps, expected: describeType(type), value }
  if (type.anyOf) return type.anyOf.some(option => !mismatchOf(option, value)) ? undefined : wrong
  if (type.const !== undefined) return value === type.const ? undefined : wrong
  if (type.enum) return type.enum.includes(value) ? undefined : wrong
  switch (type.type) {
    case 'integer': return Number.isSafeInteger(value) && inRange(type, value as number) ? undefined : wrong
    case 'number': return Number.isFinite(value) && inRange(type, value as number) ? undefined : wrong
    case 'boolean': return typeof value === 'boolean' ? undefined : wrong
    case 'string': return typeof value === 'string' && fitsText(type, value) ? undefined : wrong
    case 'array': return Array.isArray(value) ? mismatchInList(type, value, steps) : wrong
    case 'object': return isObject(value) ? mismatchInObject(type, value, steps) : wrong
    default: return undefined
  }
}

const inRange = ({ minimum = -Infinity, maximum = Infinity }: JsonType, value: number): boolean => value >= minimum && value <= maximum

const fitsText = ({ minLength = 0, maxLength = Infinity, pattern }: JsonType, value: string): boolean =>
  value.length >= minLength && value.length <= maxLength && (pattern === undefined || new RegExp(pattern, 'u').test(value))

function mismatchInList ({ items }: JsonType, value: readonly unknown[], steps: PathStep[]): Mismatch | undefined {
  if (!items) return undefined
  for (const [index, item] of value.entries()) {
    const wrong = mismatchOf(items, item, [...steps, index])
    if (wrong) return wrong
  }
  return undefined
}

function mismatchInObject (type: JsonType, value: { [key: string]: unknown }, steps: PathStep[]): Mismatch | undefined {
  const missing = type.required?.find(key => !Object.hasOwn(value, key))
  if (missing !== undefined) return { steps, expected: `an object with "${missing}"`, value }
  const every = type.patternProperties ? Object.values(type.patternProperties)[0] : undefined
  for (const [key, item] of Object.entries(value)) {
    const own = type.properties && Object.hasOwn(type.properties, key) ? type.properties[key] : undefined
    if (!own && type.additionalProperties === false) return { steps: [...steps, key], expected: 'no such key here', value: item }
    const wrong = own ?? every ? mismatchOf((own ?? every) as JsonType, item, [...steps, key]) : undefined
    if (wrong) return wrong
  }
  return undefined
}

/** What stands there instead, short and without what may be a secret. */
export function showValue (value: unknown, hidden: boolean): string {
  if (value === null) return 'null'
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  if (hidden) return `a ${typeof value}`
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…"` : text
}
