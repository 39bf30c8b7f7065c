/** `openclaw.plugin.json`: who a plugin is and what its configuration looks like, known without running any of its code. */
import { isObject } from '../lib/json-object.ts'
import { PluginProblem } from './failure.ts'
import { ownFile, readBounded } from './bounded-file.ts'

export const manifestName = 'openclaw.plugin.json'

export interface Manifest {
  readonly id: string
  readonly name: string
  readonly version?: string
  readonly description?: string
  readonly kind: readonly string[]
  readonly configSchema: object
  /** What it says that it brings, for whoever looks at it before it runs. */
  readonly declared: Declared
}

export interface Declared {
  readonly tools: readonly string[]
  readonly channels: readonly string[]
  readonly providers: readonly string[]
  readonly skills: readonly string[]
}

type Json = { readonly [field: string]: unknown }

const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
const reserved = new Set(['__proto__', 'prototype', 'constructor', 'plugins', 'bundle-mcp'])

function parse (text: string, file: string): Json {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new PluginProblem(`${file} is no JSON: ${(error as Error).message}`)
  }
  if (!isObject(value)) throw new PluginProblem(`${file} must be a JSON object`)
  return value
}

function wordIn (json: Json, field: string, maxLength: number): string | undefined {
  const value = json[field]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string' || value.trim() === '' || value.length > maxLength) {
    throw new PluginProblem(`${manifestName}: ${field} must be a text of at most ${maxLength} characters`)
  }
  return value.trim()
}

const maxListed = 200
const wordsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter(item => typeof item === 'string' && item !== '').slice(0, maxListed) as string[] : []

function idOf (json: Json): string {
  const { id } = json
  if (typeof id === 'string' && idPattern.test(id) && !reserved.has(id.toLowerCase())) return id
  throw new PluginProblem(`${manifestName}: id must be letters, digits, dots, - and _ (at most 64), and none of ${[...reserved].join(', ')}`)
}

export function readManifest (text: string): Manifest {
  const json = parse(text, manifestName)
  const id = idOf(json)
  const { configSchema, kind, contracts } = json
  if (!isObject(configSchema)) throw new PluginProblem(`${manifestName}: configSchema is required: {"type": "object", "additionalProperties": false} for none`)
  const version = wordIn(json, 'version', 64)
  const description = wordIn(json, 'description', 1000)
  return {
    id,
    name: wordIn(json, 'name', 200) ?? id,
    ...(version === undefined ? {} : { version }),
    ...(description === undefined ? {} : { description }),
    kind: typeof kind === 'string' ? [kind] : wordsOf(kind),
    configSchema,
    declared: {
      tools: wordsOf(isObject(contracts) ? contracts.tools : undefined),
      channels: wordsOf(json.channels),
      providers: wordsOf(json.providers),
      skills: wordsOf(json.skills)
    }
  }
}

const usualEntries = ['index.ts', 'index.mts', 'index.js', 'index.mjs', 'index.cjs']

/** `openclaw.extensions` and `main` of package.json, else an index file. */
export async function findEntry (root: string): Promise<string> {
  const file = await ownFile(root, 'package.json')
  const json = file === undefined ? {} : parse(await readBounded(file), 'package.json')
  const extensions = wordsOf(isObject(json.openclaw) ? json.openclaw.extensions : undefined)
  if (extensions.length > 1) throw new PluginProblem('package.json: openclaw.extensions names several entries; name the file of one of them in plugins.load.paths')
  const named = extensions[0] ?? (typeof json.main === 'string' ? json.main : undefined)
  for (const name of named === undefined ? usualEntries : [named]) {
    const entry = await ownFile(root, name)
    if (entry !== undefined) return entry
  }
  throw new PluginProblem(named === undefined ? `there is none of ${usualEntries.join(', ')}, and package.json names no main` : `package.json names ${named}, which is not there`)
}
