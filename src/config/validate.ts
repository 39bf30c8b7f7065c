/**
 * From what the file says to what the program uses: defaults filled in, every mistake named, and the narrowest part around a mistake
 * switched off or put back to a safe value. Driven by the declarations; nothing here knows a key by name.
 */
import { isObject } from '../lib/json-object.ts'
import { isCredentialName } from '../lib/redact.ts'
import { describeType, mismatchOf, showValue, type JsonType, type Mismatch } from './check-type.ts'
import { closestName } from './closest-name.ts'
import { copyJson, formatPath, type PathStep } from './path-syntax.ts'
import { childrenOf, type AnyGroup, type KeyNode, type Node } from './schema/node.ts'
import { configTree, type Config } from './schema.ts'

export interface Finding {
  steps: PathStep[]
  message: string
  expected?: string
  critical: boolean
  /** The part that is off because of it. */
  disabledSteps?: PathStep[]
}

export interface Validated { config: Config, issues: Finding[], warnings: Finding[] }

export interface ValidateOptions {
  /** Places whose text came whole from a variable, so that "8080" may be a number. */
  fromVariables?: readonly PathStep[][]
}

const switchedOff: unique symbol = Symbol('switched off')

type Json = { [key: string]: unknown }

/** Whether anything below the node is such that the daemon must not run without knowing it. */
function holdsCritical (node: Node): boolean {
  if (node.kind === 'key') return node.critical === true
  if (node.kind === 'map' || node.kind === 'list') return holdsCritical(node.item as Node)
  return Object.values(childrenOf(node) ?? {}).some(holdsCritical)
}

function asDeclared (type: JsonType, text: string): unknown {
  if ((type.type === 'integer' || type.type === 'number') && /^-?\d+(\.\d+)?$/.test(text)) return Number(text)
  return type.type === 'boolean' && (text === 'true' || text === 'false') ? text === 'true' : text
}

class Validation {
  readonly issues: Finding[] = []
  readonly warnings: Finding[] = []
  readonly fromVariables: Set<string>
  /** Whether the unit that is being read has a mistake of its own. */
  spoiled = false

  constructor (options: ValidateOptions) {
    this.fromVariables = new Set(options.fromVariables?.map(formatPath))
  }

  read (node: Node, value: unknown, steps: PathStep[]): unknown {
    if ('unit' in node && node.unit && value !== undefined) return this.readUnit(node as AnyGroup, value, steps)
    return this.readPlain(node, value, steps)
  }

  readPlain (node: Node, value: unknown, steps: PathStep[]): unknown {
    switch (node.kind) {
      case 'key': return this.readKey(node as KeyNode<unknown>, value, steps)
      case 'map': return this.readMap(node.item as Node, value ?? {}, steps, node)
      case 'list': return this.readList(node.item as Node, value ?? [], steps, node)
      case 'optional-group': return value === undefined ? undefined : this.readGroup(node as AnyGroup, value, steps)
      case 'group': return this.readGroup(node as AnyGroup, value ?? {}, steps)
    }
  }

  readUnit (node: AnyGroup, value: unknown, steps: PathStep[]): unknown {
    const outer = this.spoiled
    const first = this.issues.length
    this.spoiled = false
    const result = this.readPlain(node, value, steps)
    const off = this.spoiled
    this.spoiled = outer
    if (!off) return result
    for (const issue of this.issues.slice(first)) {
      if (issue.disabledSteps) continue
      issue.disabledSteps = steps
      issue.message += `; ${formatPath(steps)} is switched off`
    }
    return switchedOff
  }

  fail (steps: PathStep[], mismatch: { expected: string, value: unknown }, critical: boolean, hidden: boolean): void {
    const got = showValue(mismatch.value, hidden)
    this.issues.push({ steps, message: `expected ${mismatch.expected}, got ${got}`, expected: mismatch.expected, critical })
    this.spoiled = true
  }

  readKey (node: KeyNode<unknown>, given: unknown, steps: PathStep[]): unknown {
    const type = node.type as JsonType
    if (given === undefined) {
      if (node.required) this.fail(steps, { expected: describeType(type), value: given }, node.critical === true, true)
      return copyJson(node.default)
    }
    const text = typeof given === 'string' && this.fromVariables.has(formatPath(steps)) ? asDeclared(type, given) : given
    const value = node.normalize ? node.normalize(text) : text
    const hidden = node.secret === true || isCredentialName(String(steps.at(-1)))
    if (type.type === 'array' && Array.isArray(value) && !node.critical && node.failsafe === undefined) {
      return this.readItems(node, type.items ?? {}, value, steps, hidden)
    }
    const mismatch = mismatchOf(type, value) ?? ruleBroken(node, value)
    if (mismatch) {
      this.fail([...steps, ...mismatch.steps], mismatch, node.critical === true, hidden)
      return copyJson(node.failsafe ?? node.default)
    }
    if (node.retired !== undefined && value !== node.default) this.warnings.push({ steps, message: node.retired, critical: false })
    return copyJson(value)
  }

  /** A bad item of a list costs itself, not the list. */
  readItems (node: KeyNode<unknown>, item: JsonType, values: unknown[], steps: PathStep[], hidden: boolean): unknown[] {
    return values.filter((value, index) => {
      const expected = node.checkItem
      const mismatch = mismatchOf(item, value) ?? (expected ? brokenBy(expected(value), value) : undefined)
      if (mismatch) this.fail([...steps, index, ...mismatch.steps], mismatch, false, hidden)
      return !mismatch
    }).map(copyJson)
  }

  readGroup (node: AnyGroup, value: unknown, steps: PathStep[]): unknown {
    if (!isObject(value)) {
      this.fail(steps, { expected: 'an object', value }, holdsCritical(node), false)
      return this.readPlain(node, node.kind === 'group' ? undefined : {}, steps)
    }
    const result: Json = {}
    for (const [name, child] of Object.entries(node.children as { [name: string]: Node })) {
      const read = this.read(child, value[name], [...steps, name])
      const usable = read === switchedOff ? this.readPlain(child, undefined, [...steps, name]) : read
      if (usable !== undefined) result[name] = usable
    }
    for (const [name, item] of Object.entries(value)) {
      if (Object.hasOwn(node.children, name)) continue
      const read = node.rest ? this.read(node.rest, item, [...steps, name]) : copyJson(item)
      if (read !== switchedOff) result[name] = read
      if (!node.rest && !node.open) this.warnUnknown(node, [...steps, name])
    }
    return result
  }

  warnUnknown (node: AnyGroup, steps: PathStep[]): void {
    const close = closestName(String(steps.at(-1)), Object.keys(node.children))
    const hint = close === undefined ? '' : `; did you mean ${formatPath([...steps.slice(0, -1), close])}?`
    this.warnings.push({ steps, message: `unknown key, kept but not used${hint}`, critical: false })
  }

  readMap (item: Node, value: unknown, steps: PathStep[], node: Node): Json {
    if (!isObject(value)) {
      this.fail(steps, { expected: 'an object', value }, holdsCritical(node), false)
      return {}
    }
    const result: Json = {}
    for (const [name, entry] of Object.entries(value)) {
      const read = this.read(item, entry, [...steps, name])
      if (read !== switchedOff && read !== undefined) result[name] = read
    }
    return result
  }

  readList (item: Node, value: unknown, steps: PathStep[], node: Node): unknown[] {
    if (!Array.isArray(value)) {
      this.fail(steps, { expected: 'a list', value }, holdsCritical(node), false)
      return []
    }
    return value.map((entry, index) => this.read(item, entry, [...steps, index])).filter(read => read !== switchedOff && read !== undefined)
  }
}

const brokenBy = (expected: string | undefined, value: unknown): Mismatch | undefined =>
  expected === undefined ? undefined : { steps: [], expected, value }

function ruleBroken (node: KeyNode<unknown>, value: unknown): Mismatch | undefined {
  if (node.checkItem && Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const expected = node.checkItem(item)
      if (expected !== undefined) return { steps: [index], expected, value: item }
    }
  }
  return brokenBy(node.check?.(value), value)
}

/** The configuration that a source (any parsed value) means. */
export function validateConfig (source: unknown, options: ValidateOptions = {}): Validated {
  const validation = new Validation(options)
  const config = validation.read(configTree, source ?? {}, []) as Config
  return { config, issues: validation.issues, warnings: validation.warnings }
}

/** The configuration of an installation that says nothing. */
export const defaultConfig = (): Config => validateConfig({}).config
