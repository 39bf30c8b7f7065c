/** Configuration as it may be shown: every credential replaced by a mark that stands for "whatever is there". */
import { isDeepStrictEqual } from 'node:util'
import { isObject } from '../lib/json-object.ts'
import { createRedactor, isCredentialName, type Redactor } from '../lib/redact.ts'
import type { JsonType } from './check-type.ts'
import { stepInto, type PathStep } from './path-syntax.ts'
import { redactedMark } from './redacted-mark.ts'
import { childOf, childrenOf, type AnyGroup, type Node } from './schema/node.ts'
import { configTree } from './schema.ts'
import { isSecretRef } from './schema/types.ts'

type Json = { [key: string]: unknown }

const isNothing = (value: unknown): boolean => value === undefined || value === null || value === '' || typeof value === 'boolean'

/** A reference and nothing beside it that could be a credential after all. */
const isBareReference = (value: unknown): boolean =>
  isSecretRef(value) && Object.keys(value).every(key => key === 'source' || key === 'provider' || key === 'id')

/** References say where a credential is, not what it is: they stay, and so does text that is nothing but a variable's name. */
const isHarmless = (value: unknown): boolean =>
  isNothing(value) || isBareReference(value) || (typeof value === 'string' && /^\$\{[A-Z_][A-Z0-9_]*\}$/.test(value))

/** A mark stands for whatever is there: a credential, or what leads to one. */
const isMarkable = (value: unknown): boolean => !isNothing(value) && (typeof value !== 'object' || isSecretRef(value))

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

/**
 * What is known of a place: its declaration; that somebody else (a plugin, a channel) says what belongs there; or nothing at all,
 * and then nothing of it is shown.
 */
type Place = Node | 'theirs' | undefined

const holdsParts = ({ type, anyOf, enum: words, const: word }: JsonType): boolean =>
  anyOf ? anyOf.some(holdsParts) : type === 'object' || type === 'array' || (type === undefined && words === undefined && word === undefined)

function placeBelow (place: Place, step: PathStep): Place {
  if (place === undefined || place === 'theirs') return place
  // Which files belong to the configuration is said in every part of it, and is no secret.
  if (step === '$include') return 'theirs'
  const declared = childOf(place, step)
  if (declared) return declared
  if (place.kind === 'key') return holdsParts(place.type as JsonType) ? 'theirs' : undefined
  return childrenOf(place) && (place as AnyGroup).open ? 'theirs' : undefined
}

interface Looking { readonly variableTexts: ReadonlySet<string> }

function redactText (text: string, place: Place, { variableTexts }: Looking): string {
  const shown = redactUrl(text)
  const isSuspect = place === 'theirs' && shown === text && !isHarmless(text) && (variableTexts.has(text) || looksSecret(text))
  return isSuspect ? redactedMark : shown
}

function redact (value: unknown, place: Place, name: string, looking: Looking): unknown {
  if (place === undefined) return mark(value)
  // A declared key that is not marked secret is none, whatever its name sounds like.
  if (place === 'theirs' ? isCredentialName(name) : place.kind === 'key' && place.secret === true) return mark(value)
  if (typeof value === 'string') return redactText(value, place, looking)
  if (Array.isArray(value)) return value.map((item, index) => redact(item, placeBelow(place, index), name, looking))
  return isObject(value) ? mapValues(value, (item, key) => redact(item, placeBelow(place, key), key, looking)) : value
}

const noTexts: ReadonlySet<string> = new Set()

/**
 * A copy of a configuration (source or loaded), or of the part of it at `steps`, that may be shown. `variableTexts` are those that
 * came out of variables: where nobody has said what belongs there, they may well be credentials.
 */
export function redactConfig<T> (value: T, steps: readonly PathStep[] = [], variableTexts = noTexts): T {
  const place = steps.reduce<Place>(placeBelow, configTree)
  return redact(value, place, String(steps.at(-1) ?? ''), { variableTexts }) as T
}

/** Puts what a mark stands for back in its place. Marks that stand for nothing are returned by path. */
export function restoreRedacted (value: unknown, stored: unknown): { value: unknown, missing: string[] } {
  const missing: string[] = []
  const restore = (item: unknown, old: unknown, path: string): unknown => {
    if (typeof item === 'string' && item.includes(redactedMark)) {
      if (typeof old === 'string' && redactUrl(old) === item) return old
      if (item === redactedMark && isMarkable(old)) return old
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
  const candidates = old.filter(candidate => agrees(entry, candidate))
  if (entries.length === old.length) return agrees(entry, old[index]) ? old[index] : candidates[0] ?? old[index]
  // Where entries came or went, the place says nothing any more: a credential must not move to somebody else's entry.
  if (candidates.length < 2) return candidates[0]
  const twins = entries.flatMap((other, at) => isDeepStrictEqual(other, entry) ? [at] : [])
  return twins.length === candidates.length ? candidates[twins.indexOf(index)] : undefined
}

/** The same, as far as it is shown. */
function agrees (shown: unknown, stored: unknown): boolean {
  if (shown === redactedMark) return isMarkable(stored)
  if (typeof shown === 'string' && typeof stored === 'string') return shown === stored || redactUrl(stored) === shown
  if (Array.isArray(shown)) {
    return Array.isArray(stored) && shown.length === stored.length && shown.every((item, index) => agrees(item, stored[index]))
  }
  if (!isObject(shown)) return shown === stored
  if (!isObject(stored)) return false
  const keys = Object.keys(shown)
  return keys.length === Object.keys(stored).length && keys.every(key => Object.hasOwn(stored, key) && agrees(shown[key], stored[key]))
}
