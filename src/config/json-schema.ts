/** The declarations as one JSON Schema, for editors and for `config.schema`, and node by node for `config.schema.lookup`. */
import { formatPath, parsePath, type PathStep } from './path-syntax.ts'
import { childOf, childrenOf, type AnyGroup, type Node, type ReloadClass } from './schema/node.ts'
import { configTree } from './schema.ts'
import { reloadClassOf } from './reload.ts'

type JsonSchema = { [keyword: string]: unknown }

const sentence = (help: string): JsonSchema => help === '' ? {} : { description: help }

function schemaOf (node: Node): JsonSchema {
  switch (node.kind) {
    case 'key': return {
      ...plainMaps(node.normalize ? anyText(node.type as JsonSchema) : node.type as JsonSchema) as JsonSchema,
      ...sentence(node.help),
      ...(node.default === undefined ? {} : { default: node.default }),
      ...(node.retired === undefined ? {} : { deprecated: true })
    }
    case 'list': return { type: 'array', ...sentence(node.help), items: schemaOf(node.item as Node) }
    case 'map': return { type: 'object', ...sentence(node.help), additionalProperties: schemaOf(node.item as Node) }
    default: return groupSchema(node)
  }
}

/** Where other spellings are understood, an editor must not call them wrong. */
const anyText = (type: JsonSchema): JsonSchema =>
  Array.isArray(type['enum']) ? { anyOf: [{ enum: type['enum'] }, { type: 'string' }] } : type

const everyName = '^.*$'

/** Maps are declared with a pattern that every name fits; the forms of editors know only the plain spelling. */
function plainMaps (schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(plainMaps)
  if (typeof schema !== 'object' || schema === null) return schema
  const { patternProperties, ...rest } = schema as { patternProperties?: JsonSchema, [keyword: string]: unknown }
  const plain = Object.fromEntries(Object.entries(rest).map(([keyword, value]) => [keyword, plainMaps(value)]))
  if (!patternProperties) return plain
  const { [everyName]: item, ...patterns } = patternProperties
  return {
    ...plain,
    ...(item === undefined ? {} : { additionalProperties: plainMaps(item) }),
    ...(Object.keys(patterns).length > 0 ? { patternProperties: plainMaps(patterns) } : {})
  }
}

function groupSchema (node: AnyGroup): JsonSchema {
  const children = Object.entries(childrenOf(node) ?? {})
  const required = children.filter(([, child]) => child.kind === 'key' && child.required).map(([name]) => name)
  return {
    type: 'object',
    ...sentence(node.help),
    properties: Object.fromEntries(children.map(([name, child]) => [name, schemaOf(child)])),
    ...(required.length > 0 ? { required } : {}),
    ...(node.rest ? { additionalProperties: schemaOf(node.rest) } : {})
  }
}

/** One JSON Schema (draft 7) of the whole file. Unknown keys are allowed, as the gateway only warns of them. */
export const configJsonSchema = (): JsonSchema => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'openclaw.json',
  ...schemaOf(configTree)
})

export interface SchemaHint { help?: string, sensitive?: boolean }

const hintOf = (node: Node): SchemaHint => ({
  ...(node.help === '' ? {} : { help: node.help }),
  ...(node.kind === 'key' && node.secret ? { sensitive: true } : {})
})

/** Help and sensitivity by path; `*` stands for every name, `[]` for every index. */
export function configUiHints (): { [path: string]: SchemaHint } {
  const hints: { [path: string]: SchemaHint } = {}
  const visit = (node: Node, path: string): void => {
    if (path !== '') hints[path] = hintOf(node)
    for (const { name, child } of below(node)) visit(child, name === '[]' ? `${path}[]` : path === '' ? name : `${path}.${name}`)
  }
  visit(configTree, '')
  return hints
}

function below (node: Node): Array<{ name: string, child: Node }> {
  if (node.kind === 'map') return [{ name: '*', child: node.item as Node }]
  if (node.kind === 'list') return [{ name: '[]', child: node.item as Node }]
  const rest = (node as AnyGroup).rest as Node | undefined
  const own = Object.entries(childrenOf(node) ?? {}).map(([name, child]) => ({ name, child }))
  return rest ? [...own, { name: '*', child: rest }] : own
}

/** The contract knows three words for what a change takes. */
export type ReloadKind = 'restart' | 'hot' | 'none'

export const reloadKindOf = (reload: ReloadClass): ReloadKind => reload === 'restart' || reload === 'none' ? reload : 'hot'

export interface SchemaChild {
  key: string
  path: string
  type?: string | string[]
  required: boolean
  hasChildren: boolean
  reloadKind: ReloadKind
  hint: SchemaHint
  hintPath: string
}

export interface SchemaNode {
  path: string
  /** The node itself; the schemas of what is below it are left to lookups of their own. */
  schema: JsonSchema
  reloadKind: ReloadKind
  hint: SchemaHint
  hintPath: string
  children: SchemaChild[]
}

const typeOf = (node: Node): { type?: string } => {
  if (node.kind !== 'key') return { type: node.kind === 'list' ? 'array' : 'object' }
  const { type, enum: values } = node.type as { type?: string, enum?: unknown[] }
  return type !== undefined ? { type } : values ? { type: typeof values[0] } : {}
}

function shallow (node: Node): JsonSchema {
  if (node.kind === 'key') return schemaOf(node)
  return { type: node.kind === 'list' ? 'array' : 'object', ...sentence(node.help) }
}

const stepsOf = (path: string): PathStep[] | undefined => {
  if (path === '' || path === '.') return []
  try {
    return parsePath(path)
  } catch {
    return undefined
  }
}

/** The node at `path` (`.` or empty: the whole) in the shape of the contract; undefined when no key of that name is declared. */
export function lookupSchema (path: string): SchemaNode | undefined {
  const steps = stepsOf(path)
  if (!steps) return undefined
  const node = steps.reduce<Node | undefined>((at, step) => at && childOf(at, step), configTree)
  if (!node) return undefined
  const children = below(node).map(({ name, child }): SchemaChild => {
    const childSteps: PathStep[] = [...steps, name === '[]' ? '*' : name]
    const childPath = formatPath(childSteps)
    return {
      key: name,
      path: childPath,
      ...typeOf(child),
      required: child.kind === 'key' && child.required === true,
      hasChildren: child.kind !== 'key',
      reloadKind: reloadKindOf(reloadClassOf(childSteps)),
      hint: hintOf(child),
      hintPath: childPath
    }
  })
  const shown = formatPath(steps) || '.'
  const reloadKind = reloadKindOf(reloadClassOf(steps))
  return { path: shown, schema: shallow(node), reloadKind, hint: hintOf(node), hintPath: shown, children }
}
