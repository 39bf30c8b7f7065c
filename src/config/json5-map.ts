/**
 * Where things stand in a JSON5 text: the tree of its values with offsets, for line numbers and for edits that leave everything else
 * as it is. Values themselves are read by `parse.ts`; a text that this reader does not understand has no positions, nothing worse.
 */
import type { ConfigPath } from './path-syntax.ts'

export interface Json5Member {
  key: string
  /** Offset of the first character of the key as it is written. */
  keyStart: number
  value: Json5Node
}

export interface Json5Node {
  kind: 'object' | 'array' | 'scalar'
  start: number
  /** Offset after the last character. */
  end: number
  members: Json5Member[]
  items: Json5Node[]
}

export interface Position { line: number, column: number, start: number, end: number }

export interface Json5Map {
  root: Json5Node
  /** Where a value stands; a key's own line, as that is where a reader looks. */
  locate (path: ConfigPath): Position | undefined
  /** The same of the nearest enclosing value that exists. */
  locateNearest (path: ConfigPath): Position
}

const space = /[\s\ufeff]*/y
const identifier = /(?:[\p{ID_Start}$_]|\\u[0-9a-fA-F]{4})(?:[\p{ID_Continue}$\u200c\u200d]|\\u[0-9a-fA-F]{4})*/uy
const scalar = /[+-]?[\p{ID_Continue}$.]+(?:[+-]\d+)?/uy
const maxDepth = 100

const escapes: { readonly [letter: string]: string } = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v', 0: '\0' }

const unescape = (text: string): string =>
  text.replace(/\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|[\s\S]))/g, (_all, long?: string, short?: string, other?: string) => {
    if (long ?? short) return String.fromCharCode(Number.parseInt((long ?? short) as string, 16))
    if (other === '\n' || other === '\r' || other === '\r\n' || other === '\u2028' || other === '\u2029') return ''
    return escapes[other as string] ?? other as string
  })

/** Offset of the first character at or behind `at` that is neither space nor comment. */
export function skipSpace (text: string, at: number): number {
  let here = at
  for (;;) {
    space.lastIndex = here
    space.exec(text)
    here = space.lastIndex
    if (text[here] !== '/') return here
    const end = text[here + 1] === '/' ? endOfLine(text, here) : text[here + 1] === '*' ? endOfBlock(text, here) : here
    if (end === here) return here
    here = end
  }
}

export function endOfLine (text: string, at: number): number {
  let here = at
  while (here < text.length && !'\n\r\u2028\u2029'.includes(text[here] as string)) here++
  return here
}

const endOfBlock = (text: string, at: number): number => {
  const end = text.indexOf('*/', at + 2)
  return end < 0 ? at : end + 2
}

class Reader {
  readonly text: string
  at = 0

  constructor (text: string) { this.text = text }

  fail (): never { throw new SyntaxError(`unexpected character at ${this.at}`) }

  skip (): string | undefined {
    this.at = skipSpace(this.text, this.at)
    return this.text[this.at]
  }

  take (pattern: RegExp): string {
    pattern.lastIndex = this.at
    const match = pattern.exec(this.text)
    if (!match) return this.fail()
    this.at = pattern.lastIndex
    return match[0]
  }

  takeQuoted (quote: string): string {
    const start = this.at + 1
    for (let here = start; here < this.text.length; here++) {
      const character = this.text[here]
      if (character === quote) {
        this.at = here + 1
        return this.text.slice(start, here)
      }
      if (character === '\\') here += this.text.startsWith('\r\n', here + 1) ? 2 : 1
      else if (character === '\n' || character === '\r') break
    }
    return this.fail()
  }

  expect (character: string): void {
    if (this.skip() !== character) this.fail()
    this.at++
  }

  document (): Json5Node {
    const root = this.value(0)
    if (this.skip() !== undefined) this.fail()
    return root
  }

  value (depth: number): Json5Node {
    if (depth > maxDepth) this.fail()
    const first = this.skip()
    const node: Json5Node = { kind: 'scalar', start: this.at, end: 0, members: [], items: [] }
    if (first === '{') this.object(node, depth)
    else if (first === '[') this.array(node, depth)
    else if (first === '"' || first === "'") this.takeQuoted(first)
    else this.take(scalar)
    node.end = this.at
    return node
  }

  object (node: Json5Node, depth: number): void {
    node.kind = 'object'
    this.at++
    while (this.skip() !== '}') {
      const keyStart = this.at
      const first = this.text[this.at]
      const key = unescape(first === '"' || first === "'" ? this.takeQuoted(first) : this.take(identifier))
      this.expect(':')
      node.members.push({ key, keyStart, value: this.value(depth + 1) })
      if (this.skip() === ',') this.at++
      else if (this.skip() !== '}') this.fail()
    }
    this.at++
  }

  array (node: Json5Node, depth: number): void {
    node.kind = 'array'
    this.at++
    while (this.skip() !== ']') {
      node.items.push(this.value(depth + 1))
      if (this.skip() === ',') this.at++
      else if (this.skip() !== ']') this.fail()
    }
    this.at++
  }
}

/** The last of several members of one name is the one that counts, as in every JSON reader. */
export const memberOf = (node: Json5Node, key: string | number): Json5Member | undefined =>
  node.members.findLast(member => member.key === String(key))

/** Reads the structure of a text; throws a SyntaxError when it is not JSON5. */
export function mapJson5 (text: string): Json5Map {
  const root = new Reader(text).document()
  const lineStarts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lineStarts.push(at + 1)

  const position = (keyStart: number, node: Json5Node): Position => {
    let low = 0
    let high = lineStarts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((lineStarts[middle] as number) <= keyStart) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: keyStart - (lineStarts[low] as number) + 1, start: node.start, end: node.end }
  }
  const walk = (path: ConfigPath): { depth: number, position: Position } => {
    let node = root
    let keyStart = root.start
    for (const [depth, step] of path.entries()) {
      const member = memberOf(node, step)
      const next = member?.value ?? (typeof step === 'number' ? node.items[step] : undefined)
      if (!next) return { depth, position: position(keyStart, node) }
      node = next
      keyStart = member?.keyStart ?? next.start
    }
    return { depth: path.length, position: position(keyStart, node) }
  }
  return {
    root,
    locate (path) {
      const found = walk(path)
      return found.depth === path.length ? found.position : undefined
    },
    locateNearest: path => walk(path).position
  }
}
