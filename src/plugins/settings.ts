/** What the configuration says to a plugin, checked against the schema in its manifest. */
import { Ajv, type ErrorObject } from 'ajv'
import { isReservedKey } from '../config/path-syntax.ts'
import { PluginProblem, reasonOf } from './failure.ts'
import type { Manifest } from './manifest.ts'

export type PluginConfig = { readonly [key: string]: unknown }

/** A copy that shares nothing with the configuration and has no name that reaches into a prototype. */
function copied (value: unknown, at: string): unknown {
  if (Array.isArray(value)) return value.map((item, index) => copied(item, `${at}[${index}]`))
  if (typeof value !== 'object' || value === null) return value
  const bad = Object.keys(value).find(isReservedKey)
  if (bad !== undefined) throw new PluginProblem(`${at} uses the reserved name "${bad}"`)
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, copied(item, `${at}.${key}`)]))
}

function frozen<Value> (value: Value): Value {
  if (typeof value === 'object' && value !== null) for (const item of Object.values(Object.freeze(value))) frozen(item)
  return value
}

/** The place and what was expected there; never the value, which may be a secret. */
function problemOf ({ instancePath, keyword, params, message }: ErrorObject, at: string): string {
  const place = `${at}${instancePath.replaceAll('/', '.')}`
  if (keyword === 'required') return `${place}.${String(params.missingProperty)} is required`
  if (keyword === 'additionalProperties') return `${place}.${String(params.additionalProperty)} is not a setting of this plugin`
  if (keyword === 'enum') return `${place} must be one of ${(params.allowedValues as unknown[]).map(value => JSON.stringify(value)).join(', ')}`
  return `${place} ${message ?? 'is invalid'}`
}

/** Throws a PluginProblem that names the key. Defaults of the schema are filled in. */
export function checkConfig ({ id, configSchema }: Manifest, given: unknown): PluginConfig {
  const at = `plugins.entries.${id}.config`
  const config = copied(given ?? {}, at) as PluginConfig
  const ajv = new Ajv({ strict: false, validateFormats: false, useDefaults: true, allErrors: true, logger: false })
  let validate
  try {
    validate = ajv.compile(configSchema)
  } catch (error) {
    throw new PluginProblem(`its configSchema is no JSON Schema: ${reasonOf(error)}`)
  }
  if (!validate(config)) throw new PluginProblem([...new Set(validate.errors!.map(error => problemOf(error, at)))].slice(0, 5).join('; '))
  return frozen(config)
}
