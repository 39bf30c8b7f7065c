/** From the file of a plugin to what it brings, within its time. */
import { pathToFileURL } from 'node:url'
import { createRegistration } from './api.ts'
import { contained } from './containment.ts'
import type { PluginDefinition } from './declaration.ts'
import { PluginProblem } from './failure.ts'
import type { MethodPorts } from './methods.ts'
import type { Plugin } from './plugin.ts'
import { offerSdk } from './sdk.ts'

type Exports = { readonly [name: string]: unknown }

const isObject = (value: unknown): value is Exports => typeof value === 'object' && value !== null && !Array.isArray(value)

const parts = ['register', 'tools', 'methods', 'routes', 'providers', 'channels', 'services', 'stop'] as const

/** `export default`, `module.exports`, or the default export as a compiler writes it for CommonJS. */
function definitionIn (module: Exports): PluginDefinition {
  const given = module.default ?? module['module.exports'] ?? module
  const value = isObject(given) && given.default !== undefined && given.register === undefined ? given.default : given
  if (typeof value === 'function') return { register: value as PluginDefinition['register'] }
  if (isObject(value) && parts.some(part => value[part] !== undefined)) return value as PluginDefinition
  throw new PluginProblem(`its entry must export definePlugin({…}) or a function register(api) as default; it has none of ${parts.join(', ')}`)
}

const offered = 'registerTool, registerGatewayMethod, registerHttpRoute, registerProvider, registerChannel, registerService'

/** Modules stay in memory once they are loaded; only another address makes Node read one again. */
const addressOf = ({ entry, fingerprint }: Plugin['candidate'], attempt: number): string =>
  `${pathToFileURL(entry).href}?plugin=${fingerprint.slice(0, 12)}${attempt > 0 ? `.${attempt}` : ''}`

export interface LoadOptions {
  readonly limitMs: number
  /** How often its entry has failed before. */
  readonly attempt: number
}

export async function load (plugin: Plugin, ports: MethodPorts, { limitMs, attempt }: LoadOptions): Promise<PluginDefinition> {
  offerSdk()
  const { candidate } = plugin
  const registration = createRegistration(plugin, ports)
  try {
    return await contained(plugin, { limitMs, signals: [plugin.signal] }, async () => {
      const definition = definitionIn(await import(addressOf(candidate, attempt)) as Exports)
      const { id } = candidate.manifest
      if (definition.id !== undefined && definition.id !== id) throw new PluginProblem(`its code calls it "${String(definition.id)}" and its manifest "${id}"`)
      registration.take(definition)
      await definition.register?.(registration.api)
      return definition
    })
  } catch (error) {
    if (error instanceof TypeError && /\bapi\.\w+ is not a function/.test(error.message)) {
      throw new PluginProblem(`${error.message}: this gateway offers plugins ${offered}`)
    }
    throw error
  } finally {
    registration.close()
  }
}
