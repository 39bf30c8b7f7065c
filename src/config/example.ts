/** The example file: every key once, with its default and its line of help. What has no default stands there as a comment. */
import { childrenOf, type Node } from './schema/node.ts'
import { configTree } from './schema.ts'

const indent = (depth: number): string => '  '.repeat(depth)
const isIdentifier = (name: string): boolean => /^[A-Za-z_$][\w$]*$/.test(name)
const keyText = (name: string): string => isIdentifier(name) ? name : JSON.stringify(name)

function valueText (value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`
  if (typeof value === 'string') return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).map(([name, item]) => `${keyText(name)}: ${valueText(item)}`)
  return members.length === 0 ? '{}' : `{ ${members.join(', ')} }`
}

/** A value that would be right where there is no default; never used, only shown. */
function sampleText (node: Node): string {
  const type = (node as { type: { type?: string, enum?: unknown[], minimum?: number, anyOf?: unknown[] } }).type
  if (type.enum) return type.enum.map(valueText).join(' | ')
  switch (type.type) {
    case 'boolean': return 'true | false'
    case 'integer':
    case 'number': return String(Math.max(type.minimum ?? 0, 1))
    case 'array': return '[]'
    case 'object': return '{}'
    default: return "'…'"
  }
}

function linesOf (name: string, node: Node, depth: number, off: boolean): string[] {
  const pad = off ? `${indent(depth)}// ` : indent(depth)
  const help = node.help === '' ? [] : [`${indent(depth)}// ${node.help}`]
  if (node.kind === 'key') {
    const absent = off || node.default === undefined
    const value = node.default === undefined ? sampleText(node) : valueText(node.default)
    const mark = absent ? `${indent(depth)}// ` : indent(depth)
    return [...help, `${mark}${keyText(name)}: ${value},`]
  }
  // What exists once per name, and what only counts when it is there, is shown as a comment.
  const inner = off || node.kind !== 'group'
  if (node.kind === 'map' || node.kind === 'list') {
    const [open, close] = node.kind === 'map' ? ['{', '}'] : ['[', ']']
    const entry = entryLines(node.kind === 'map' ? "'<id>': " : '', node.item as Node, depth + 1)
    return [...help, `${pad}${keyText(name)}: ${open}`, ...entry, `${pad}${close},`]
  }
  const own = Object.entries(childrenOf(node) ?? {}).flatMap(([child, item]) => linesOf(child, item, depth + 1, inner))
  const rest = node.rest ? entryLines("'<id>': ", node.rest as Node, depth + 1) : []
  const mark = inner ? `${indent(depth)}// ` : indent(depth)
  return [...help, `${mark}${keyText(name)}: {`, ...own, ...rest, `${mark}},`]
}

/** One entry of a map or a list, commented out. */
const entryLines = (label: string, node: Node, depth: number): string[] =>
  linesOf('entry', node, depth, true).map(line => line.replace(/^( *\/\/ )entry: /, (_all, start: string) => start + label))

export function exampleConfigText (): string {
  const sections = Object.entries(childrenOf(configTree) ?? {}).flatMap(([name, node]) => ['', ...linesOf(name, node, 1, false)])
  return [
    '// Every key of the configuration, with its default. Copy what you want to change to ~/.openclaw/openclaw.json: nothing of this is',
    '// needed there. Keys without a default are comments. Written by `node config/generate.js`.',
    '{',
    ...sections.slice(1),
    '}',
    ''
  ].join('\n')
}
