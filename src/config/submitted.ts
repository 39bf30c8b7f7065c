/**
 * From what a client submits to an edit of the file: a patch or a whole configuration, as JSON5 text. Placeholders of credentials are
 * filled in again, comments stay, and a list that would lose entries says so first.
 */
import { isDeepStrictEqual } from 'node:util'
import { isObject } from '../lib/json-object.ts'
import { GatewayError } from '../protocol/errors.ts'
import { setConfigValue, unsetConfigValue } from './edit.ts'
import { parseConfigText } from './parse.ts'
import { formatPath, reservedKeysIn, type PathStep } from './path-syntax.ts'
import { restoreRedacted } from './redact.ts'
import { diffConfig } from './reload.ts'

type Json = { [key: string]: unknown }

export interface Submitted {
  /** False: the file says all of it already. */
  readonly changedPaths: readonly string[]
  readonly text: string
}

/** What is there now. */
export interface Stored {
  readonly text: string
  readonly parsed: unknown
}

async function objectOf (raw: string): Promise<Json> {
  let value: unknown
  try {
    value = await parseConfigText(raw)
  } catch (error) {
    throw new GatewayError('CONFIG_INVALID', { message: `raw cannot be read: ${(error as Error).message}` })
  }
  if (!isObject(value)) throw new GatewayError('CONFIG_INVALID', { message: 'raw must be an object' })
  const [reserved] = reservedKeysIn(value, 1)
  if (reserved) throw new GatewayError('CONFIG_INVALID', { message: `raw uses the reserved name "${String(reserved.at(-1))}"` })
  return value
}

function filledIn (value: Json, stored: unknown): Json {
  const { value: whole, missing } = restoreRedacted(value, stored)
  if (missing.length === 0) return whole as Json
  throw new GatewayError('CONFIG_PLACEHOLDER', {
    message: `a redacted placeholder stands where no credential is stored: ${missing.slice(0, 5).join(', ')}`, details: { paths: missing.slice(0, 20) }
  })
}

const idOf = (entry: unknown): unknown => isObject(entry) ? entry.id : undefined
const allNamed = (list: readonly unknown[]): boolean => list.length > 0 && list.every(entry => typeof idOf(entry) === 'string')

/** A list is named as `a.b`, one inside entries of another as `a[].b`. */
const nameOf = (steps: readonly PathStep[]): string => formatPath(steps).replace(/\[\d+\]/g, '[]')

interface Merge { readonly replacePaths: ReadonlySet<string>, readonly shrinking: string[] }

function mergeLists (old: unknown, patch: readonly unknown[], steps: readonly PathStep[], merge: Merge): unknown[] {
  const name = nameOf(steps)
  if (!Array.isArray(old) || merge.replacePaths.has(name)) return [...patch]
  if (allNamed(old) && allNamed(patch)) {
    const merged = old.map((entry, index) => {
      const change = patch.find(candidate => idOf(candidate) === idOf(entry))
      return change === undefined ? entry : mergeValue(entry, change, [...steps, index], merge)
    })
    return [...merged, ...patch.filter(entry => !old.some(known => idOf(known) === idOf(entry)))]
  }
  if (patch.length < old.length) merge.shrinking.push(name)
  return [...patch]
}

/** JSON merge patch: objects are merged, `null` removes, everything else replaces. */
function mergeValue (old: unknown, patch: unknown, steps: readonly PathStep[], merge: Merge): unknown {
  if (Array.isArray(patch)) return mergeLists(old, patch, steps, merge)
  if (!isObject(patch)) return patch
  const result: Json = isObject(old) ? { ...old } : {}
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key]
    else result[key] = mergeValue(result[key], value, [...steps, key], merge)
  }
  return result
}

/** Key by key, so that everything else stays as its author wrote it. */
function edited (text: string, before: unknown, after: Json): string {
  const old = isObject(before) ? before : {}
  let result = text
  for (const key of Object.keys(old)) if (!Object.hasOwn(after, key)) result = unsetConfigValue(result, [key])
  for (const [key, value] of Object.entries(after)) if (!isDeepStrictEqual(old[key], value)) result = setConfigValue(result, [key], value)
  return result
}

export async function submitPatch (raw: string, { text, parsed }: Stored, replacePaths: readonly string[] = []): Promise<Submitted> {
  const merge: Merge = { replacePaths: new Set(replacePaths), shrinking: [] }
  const after = mergeValue(parsed, filledIn(await objectOf(raw), parsed), [], merge) as Json
  if (merge.shrinking.length > 0) {
    const paths = merge.shrinking.slice(0, 20)
    throw new GatewayError('CONFIG_ARRAY_SHRINKS', { message: `config.patch would drop entries of ${paths.join(', ')}`, details: { paths } })
  }
  const changedPaths = diffConfig(parsed, after)
  return { changedPaths, text: changedPaths.length === 0 ? text : edited(text, parsed, after) }
}

/** The whole of it. A text with comments of its own is taken as it is; one without keeps those that are there. */
export async function submitWhole (raw: string, { text, parsed }: Stored): Promise<Submitted> {
  const given = await objectOf(raw)
  const after = filledIn(given, parsed)
  const changedPaths = diffConfig(parsed, after)
  if (isPlainJson(raw)) return { changedPaths, text: changedPaths.length === 0 ? text : edited(text, parsed, after) }
  return { changedPaths, text: edited(raw, given, after) }
}

function isPlainJson (raw: string): boolean {
  try {
    JSON.parse(raw)
    return true
  } catch {
    return false
  }
}
