/** Configuration as it may be shown: every credential replaced by a mark that stands for "whatever is there". */
import { createRedactor, isCredentialName, type Redactor } from '../lib/redact.ts'
import { stepInto } from './path-syntax.ts'
import { childOf, type Node } from './schema/node.ts'
import { configTree } from './schema.ts'
import { isSecretRef } from './schema/types.ts'

export const redactedMark = '__OPENCLAW_REDACTED__'

type Json = { [key: string]: unknown }
const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

/** References say where a credential is, not what it is: they stay, and so does text that is nothing but a variable's name. */
const isHarmless = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || typeof value === 'boolean' || isSecretRef(value) ||
  (typeof value === 'string' && /^\$\{[A-Z_][A-Z0-9_]*\}$/.test(value))

function mark (value: unknown): unknown {
  if (isHarmless(value)) return value
  if (Array.isArray(value)) return value.map(mark)
  return isObject(value) ? mapValues(value, mark) : redactedMark
}

const mapValues = (value: Json, each: (item: unknown, key: string) => unknown): Json =>
  Object.fromEntries(Object.entries(value).map(([key, item]) => [key, each(item, key)]))

/** A password inside a URL, and the query values that are named like credentials. */
function redactUrl (text: string): string {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return text
  return text
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^/?#@:]*:)[^/?#@]+@/i, `$1${redactedMark}@`)
    .replace(/([?&]([^=&#]+)=)([^&#]+)/g, (all: string, head: string, name: string) => isCredentialName(name) ? head + redactedMark : all)
}

let redactor: Redactor | undefined

/** Nobody has said what stands there, so it is judged by its looks; a mark too many does no harm, because it is filled in again. */
function looksSecret (text: string): boolean {
  redactor ??= createRedactor()
  return redactor.redactText(text) !== text || (/^[\w+/=.~-]{32,}$/.test(text) && /\d/.test(text) && /[a-z]/i.test(text))
}

const isSecretNode = (node: Node | undefined): boolean => node?.kind === 'key' && node.secret === true

function redact (value: unknown, node: Node | undefined, name: string): unknown {
  // A declared key that is not marked secret is none, whatever its name sounds like.
  if (isSecretNode(node) || (node === undefined && isCredentialName(name))) return mark(value)
  if (typeof value === 'string') {
    const shown = redactUrl(value)
    return shown === value && node === undefined && !isHarmless(value) && looksSecret(value) ? redactedMark : shown
  }
  if (Array.isArray(value)) return value.map((item, index) => redact(item, node && childOf(node, index), name))
  return isObject(value) ? mapValues(value, (item, key) => redact(item, node && childOf(node, key), key)) : value
}

/** A copy of a configuration (source or loaded), or of the part of it at `steps`, that may be shown. */
export function redactConfig<T> (value: T, steps: ReadonlyArray<string | number> = []): T {
  const node = steps.reduce<Node | undefined>((at, step) => at && childOf(at, step), configTree)
  return redact(value, node, String(steps.at(-1) ?? '')) as T
}

/** Puts what a mark stands for back in its place. Marks that stand for nothing are returned by path. */
export function restoreRedacted (value: unknown, stored: unknown): { value: unknown, missing: string[] } {
  const missing: string[] = []
  const restore = (item: unknown, old: unknown, path: string): unknown => {
    if (typeof item === 'string' && item.includes(redactedMark)) {
      if (typeof old === 'string' && redactUrl(old) === item) return old
      if (item === redactedMark && !isHarmless(old)) return old
      missing.push(path)
      return item
    }
    if (Array.isArray(item)) {
      return item.map((entry, index) => restore(entry, counterpart(entry, item, old, index), `${path}[${index}]`))
    }
    return isObject(item) ? mapValues(item, (entry, key) => restore(entry, stepInto(old, key), path === '' ? key : `${path}.${key}`)) : item
  }
  return { value: restore(value, stored, ''), missing }
}

/** Entries with an id are the same entry wherever they stand; others where all that is shown of them is the same. */
function counterpart (entry: unknown, entries: readonly unknown[], old: unknown, index: number): unknown {
  if (!Array.isArray(old)) return undefined
  const id = stepInto(entry, 'id')
  if (id !== undefined) return old.find(candidate => stepInto(candidate, 'id') === id)
  if (agrees(entry, old[index])) return old[index]
  // Where entries came or went, the place says nothing any more: a credential must not move to somebody else's entry.
  return old.find(candidate => agrees(entry, candidate)) ?? (entries.length === old.length ? old[index] : undefined)
}

/** The same, as far as it is shown. */
function agrees (shown: unknown, stored: unknown): boolean {
  if (shown === redactedMark) return !isHarmless(stored)
  if (typeof shown === 'string' && typeof stored === 'string') return shown === stored || redactUrl(stored) === shown
  if (Array.isArray(shown)) {
    return Array.isArray(stored) && shown.length === stored.length && shown.every((item, index) => agrees(item, stored[index]))
  }
  if (!isObject(shown)) return shown === stored
  if (!isObject(stored)) return false
  const keys = Object.keys(shown)
  return keys.length === Object.keys(stored).length && keys.every(key => Object.hasOwn(stored, key) && agrees(shown[key], stored[key]))
}
