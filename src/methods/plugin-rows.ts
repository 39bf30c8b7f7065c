/** Plugins in the shapes of the contract. */
import type { PluginState } from '../plugins/host.ts'
import type { PluginsReport } from '../plugins/plugins.ts'

const told = 'it could not be loaded; administrators see why'

const scopeText = (scope: unknown): string => typeof scope === 'string' ? scope : (scope as { anyOf?: readonly string[] }).anyOf?.join(' or ') ?? ''

export function rowOf ({ manifest, state, reason }: PluginState, isAdmin: boolean) {
  const { id, name, version, description, kind } = manifest
  return {
    id,
    name,
    ...(description === undefined ? {} : { description }),
    ...(version === undefined ? {} : { version }),
    ...(kind.length > 0 ? { kind: [...kind] } : {}),
    origin: 'config',
    installed: true,
    enabled: state === 'enabled',
    state,
    ...(state === 'error' && reason !== undefined ? { error: isAdmin ? reason : told } : {}),
    removable: false
  }
}

interface Diagnostic {
  readonly level: 'error' | 'warn' | 'info'
  readonly pluginId?: string
  readonly source?: string
  readonly message: string
}

function diagnosticsFor ({ manifest: { id }, state, reason, plugin }: PluginState): Diagnostic[] {
  const fault = plugin?.fault()
  return [
    ...(reason === undefined ? [] : [{ level: state === 'error' ? 'error' as const : 'info' as const, pluginId: id, message: reason }]),
    ...(fault === undefined ? [] : [{ level: 'warn' as const, pluginId: id, message: `it failed last in ${fault}` }]),
    ...(plugin?.remarks ?? []).map(message => ({ level: 'warn' as const, pluginId: id, message }))
  ]
}

export function diagnosticsOf ({ states, unreadable }: PluginsReport, isAdmin: boolean): readonly Diagnostic[] {
  const all: Diagnostic[] = [
    ...states.flatMap(diagnosticsFor),
    ...unreadable.map(({ path, reason }) => ({ level: 'error' as const, source: path, message: reason }))
  ]
  return isAdmin ? all : all.filter(({ level, pluginId }) => level === 'error' && pluginId !== undefined).map(({ pluginId }) => ({ level: 'error', pluginId, message: told }))
}

/** What it has brought; before that, what its manifest says that it would. */
export function declaredBy ({ manifest: { declared }, plugin }: PluginState) {
  const brought = plugin?.brought
  const methods = [...brought?.methods ?? []].map(([name, { scope }]) => `method ${name} (${scopeText(scope)})`)
  const routes = (brought?.routes ?? []).map(({ path, isPrefix, methods: served, scope }) =>
    `route ${served ? [...served].join(',') : 'ANY'} ${path}${isPrefix ? '/*' : ''} (${scope ?? 'the plugin looks at credentials itself'})`)
  const services = (brought?.services ?? []).map(({ id }) => `service ${id}`)
  const distinct = (names: readonly string[]): string[] => [...new Set(names.filter(name => name !== ''))]
  return {
    channels: distinct([...declared.channels, ...(brought?.channels ?? []).map(({ id }) => id)]),
    providers: distinct([...declared.providers, ...(brought?.providers.keys() ?? [])]),
    tools: distinct([...declared.tools, ...(brought?.tools ?? []).map(({ name }) => name)]),
    contracts: distinct([...methods, ...routes, ...services]),
    hooks: [],
    mcpServers: [],
    cliCommands: [],
    cliBackends: [],
    skills: [...declared.skills],
    dangerousConfigFlags: []
  }
}
