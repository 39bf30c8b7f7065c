/** Changes one value in the text of a configuration and leaves everything else, comments and order too, as its author wrote it. */
import json5 from 'json5'
import { isDeepStrictEqual } from 'node:util'
import { isObject } from '../lib/json-object.ts'
import { endOfLine, mapJson5, memberOf, skipSpace, type Json5Map, type Json5Member, type Json5Node } from './json5-map.ts'
import { formatPath, isReservedKey, parsePath, reservedKeysIn, valueAt, type ConfigPath, type PathStep } from './path-syntax.ts'

const stepsOf = (path: string | ConfigPath): PathStep[] => {
  const steps = typeof path === 'string' ? parsePath(path) : [...path]
  const bad = steps.find(isReservedKey)
  if (bad !== undefined) throw new RangeError(`the name "${bad}" is reserved`)
  return steps
}

/** The text with `value` at `path`; missing objects on the way are made. Throws a RangeError when the path leads through something else. */
export function setConfigValue (text: string, path: string | ConfigPath, value: unknown): string {
  const steps = stepsOf(path)
  if (value === undefined) throw new RangeError('a value is needed; use unset to remove one')
  const reserved = reservedKeysIn(value, 1)[0]
  if (reserved) throw new RangeError(`the value uses the reserved name "${String(reserved.at(-1))}"`)
  const before = text.trim() === '' ? '{}\n' : text
  const after = change(before, steps, value)
  if (!isDeepStrictEqual(plain(valueAt(json5.parse(after), steps)), plain(value))) throw new Error(`could not write ${formatPath(steps)}`)
  return after
}

/** The text without what stands at `path`; the same text when nothing does. */
export function unsetConfigValue (text: string, path: string | ConfigPath): string {
  const steps = stepsOf(path)
  if (text.trim() === '') return text
  const after = remove(text, mapJson5(text), steps)
  const parent = valueAt(json5.parse(after), steps.slice(0, -1))
  if (after !== text && !Array.isArray(parent) && valueAt(parent, steps.slice(-1)) !== undefined) throw new Error(`could not remove ${formatPath(steps)}`)
  return after
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

function change (text: string, steps: ConfigPath, value: unknown): string {
  const map = mapJson5(text)
  let node = map.root
  for (const [depth, step] of steps.entries()) {
    const next = childNode(node, step)
    if (!next) return insert(text, map, node, steps, depth, value)
    node = next
  }
  return replace(text, map, node, steps, value)
}

function childNode (node: Json5Node, step: PathStep): Json5Node | undefined {
  if (node.kind === 'array' && /^\d+$/.test(String(step))) return node.items[Number(step)]
  return node.kind === 'object' ? memberOf(node, step)?.value : undefined
}

/** An object is replaced key by key, so that what stays the same keeps its comments. */
function replace (text: string, map: Json5Map, node: Json5Node, steps: ConfigPath, value: unknown): string {
  const old: unknown = json5.parse(text.slice(node.start, node.end))
  if (isDeepStrictEqual(plain(old), plain(value))) return text
  if (!isObject(old) || !isObject(value) || Object.keys(old).length === 0) {
    const written = write(value, styleOf(text, map), indentAt(text, node.start))
    return text.slice(0, node.start) + written + text.slice(node.end)
  }
  let result = text
  for (const key of Object.keys(old)) {
    if (!Object.hasOwn(value, key) || value[key] === undefined) result = remove(result, mapJson5(result), [...steps, key])
  }
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) result = change(result, [...steps, key], item)
  }
  return result
}

interface Style { quoteKeys: boolean, indent: string, newline: string }

function styleOf (text: string, map: Json5Map): Style {
  const first = map.root.members[0]
  const indent = first ? /(?:^|\n)([ \t]+)$/.exec(text.slice(0, first.keyStart))?.[1] : undefined
  return { quoteKeys: first !== undefined && /["']/.test(text[first.keyStart] as string), indent: indent ?? '  ', newline: text.includes('\r\n') ? '\r\n' : '\n' }
}

/** The white space that the line of `at` begins with. */
const indentAt = (text: string, at: number): string => /^[ \t]*/.exec(text.slice(text.lastIndexOf('\n', at - 1) + 1))?.[0] ?? ''

const isIdentifier = (key: string): boolean => /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)

const writeKey = (key: string, style: Style): string => style.quoteKeys || !isIdentifier(key) ? JSON.stringify(key) : key

function write (value: unknown, style: Style, indent: string): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const inner = style.newline + indent + style.indent
  if (Array.isArray(value)) {
    const items = value.map(item => write(item ?? null, style, indent + style.indent))
    if (value.every(item => typeof item !== 'object')) return `[${items.join(', ')}]`
    return `[${items.map(item => inner + item).join(',')}${style.newline}${indent}]`
  }
  const members = Object.entries(value).filter(([, item]) => item !== undefined)
  if (members.length === 0) return '{}'
  const lines = members.map(([key, item]) => `${inner}${writeKey(key, style)}: ${write(item, style, indent + style.indent)}`)
  return `{${lines.join(',')}${style.newline}${indent}}`
}

function insert (text: string, map: Json5Map, node: Json5Node, steps: ConfigPath, depth: number, value: unknown): string {
  const step = steps[depth] as PathStep
  const here = formatPath(steps.slice(0, depth)) || 'the configuration'
  if (node.kind === 'scalar') throw new RangeError(`${here} is not an object`)
  const rest = steps.slice(depth + 1)
  if (rest.some(name => typeof name === 'number')) throw new RangeError(`there is no list at ${formatPath(steps.slice(0, depth + 1))}`)
  const whole = rest.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value)
  const length = node.items.length
  if (node.kind === 'array' && Number(step) !== length) throw new RangeError(`${here} has ${length} entries; the next is [${length}]`)
  if (node.kind === 'object' && typeof step === 'number') throw new RangeError(`${here} is not a list`)
  const style = styleOf(text, map)
  const entry = (indent: string): string => (node.kind === 'object' ? `${writeKey(String(step), style)}: ` : '') + write(whole, style, indent)
  return insertEntry(text, node, entry, style)
}

/** Adds an entry behind the last one of an object or a list. */
function insertEntry (text: string, node: Json5Node, entry: (indent: string) => string, style: Style): string {
  const last = (node.members.at(-1)?.value ?? node.items.at(-1))
  const close = node.end - 1
  const comma = last ? commaAfter(text, last.end, close) : undefined
  const contentEnd = lastContent(text, last ? comma ?? last.end : node.start + 1, close)
  const multiline = last ? text.slice(node.start, close).includes('\n') : true
  const needed = last && comma === undefined ? ',' : ''
  const cut = last ? last.end : contentEnd
  const head = text.slice(0, cut) + needed + text.slice(cut, contentEnd)
  if (!multiline) return `${head} ${entry(indentAt(text, node.start))}${text.slice(contentEnd)}`
  const first = node.members[0]?.keyStart ?? node.items[0]?.start
  const outer = indentAt(text, node.start)
  const indent = first !== undefined && onOwnLine(text, first) ? indentAt(text, first) : outer + style.indent
  const tail = text.slice(contentEnd, close).includes('\n') ? text.slice(contentEnd) : `${style.newline}${outer}${text.slice(close)}`
  return `${head}${style.newline}${indent}${entry(indent)}${comma === undefined ? '' : ','}${tail}`
}

const onOwnLine = (text: string, at: number): boolean => text.slice(text.lastIndexOf('\n', at - 1) + 1, at).trim() === ''

/** Offset behind the comma that follows a value, if one does. */
function commaAfter (text: string, end: number, limit: number): number | undefined {
  const at = skipSpace(text, end)
  return at < limit && text[at] === ',' ? at + 1 : undefined
}

/** Offset behind the last comment between `from` and `limit`, or `from` when there is only space. */
function lastContent (text: string, from: number, limit: number): number {
  let end = limit
  while (end > from && /\s/.test(text[end - 1] as string)) end--
  return end
}

function remove (text: string, map: Json5Map, steps: ConfigPath): string {
  const parent = steps.slice(0, -1).reduce<Json5Node | undefined>((node, step) => node && childNode(node, step), map.root)
  const step = steps.at(-1) as PathStep
  if (!parent) return text
  const entries: Array<{ start: number, end: number }> = parent.kind === 'array'
    ? parent.items
    : parent.members.map((member: Json5Member) => ({ start: member.keyStart, end: member.value.end }))
  const doomed = parent.kind === 'array'
    ? [Number(step)].filter(index => index in parent.items)
    : parent.members.flatMap((member, index) => member.key === String(step) ? [index] : [])
  return doomed.reverse().reduce((result, index) => cutEntry(result, parent, entries, index), text)
}

function cutEntry (text: string, parent: Json5Node, entries: ReadonlyArray<{ start: number, end: number }>, index: number): string {
  const { start, end } = entries[index] as { start: number, end: number }
  const close = parent.end - 1
  const comma = commaAfter(text, end, close)
  const isLast = index === entries.length - 1
  const before = entries[index - 1]
  let head = text.slice(0, start)
  if (isLast && comma === undefined && before) {
    // The comma before it would be left over, which plain JSON does not allow.
    const leftOver = skipSpace(text, before.end)
    head = text.slice(0, leftOver) + text.slice(leftOver + 1, start)
  }
  const after = comma ?? end
  const lineEnd = endOfLine(text, after)
  const restOfLine = text.slice(after, lineEnd)
  const alone = onOwnLine(text, start) && /^[ \t]*(?:\/\/.*|\/\*(?:(?!\*\/).)*\*\/[ \t]*)?$/.test(restOfLine)
  if (!alone) return index > 0 ? head.trimEnd() + text.slice(after) : head + text.slice(after).trimStart()
  const lineStart = head.lastIndexOf('\n') + 1
  return head.slice(0, lineStart) + text.slice(Math.min(lineEnd + (text[lineEnd] === '\r' ? 2 : 1), text.length))
}
