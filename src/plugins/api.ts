/** The object that `register(api)` gets: a few narrow doors, open until the registration is done. */
import type { Channel } from '../channels/define-channel.ts'
import type { Logger } from '../log/logger.ts'
import type { ProviderDeclaration } from '../providers/define-provider.ts'
import type { PluginApi, PluginDefinition, PluginLog, PluginMethod, PluginService } from './declaration.ts'
import { outside } from './containment.ts'
import { PluginProblem } from './failure.ts'
import { foreignMethod, pluginMethod, type MethodPorts } from './methods.ts'
import type { Plugin } from './plugin.ts'
import { checkProvider } from './providers.ts'
import { openRoute, overlap } from './routes.ts'
import { pluginTool } from './tools.ts'

export interface Registration {
  readonly api: PluginApi
  /** What the definition itself lists, by the same doors. */
  take (definition: PluginDefinition): void
  /** Whoever registers later is too late. */
  close (): void
}

const maxOfAKind = 200
const longestLine = 4096

function logOf (log: Logger, id: string): PluginLog {
  const say = (level: 'debug' | 'info' | 'warn' | 'error') => (text: string, fields: object = {}): void =>
    outside(() => log[level]({ plugin: id, ...fields }, String(text).slice(0, longestLine)))
  return Object.freeze({ debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') })
}

const channelId = /^[a-z][a-z0-9-]{0,63}$/

function checkChannel ({ id, label, config, limits, start, missing }: Channel): void {
  if (typeof id !== 'string' || !channelId.test(id)) throw new PluginProblem('a channel needs an id of small letters, digits and -')
  const isWhole = typeof label === 'string' && typeof config === 'object' && config !== null && typeof limits?.textLength === 'number' &&
    typeof start === 'function' && typeof missing === 'function'
  if (!isWhole) throw new PluginProblem(`the channel ${id} must have label, config, limits, missing and start: declare it with defineChannel`)
}

function add<Item> (list: Item[], item: Item, what: string): void {
  if (list.length >= maxOfAKind) throw new PluginProblem(`it has more than ${maxOfAKind} ${what}`)
  list.push(item)
}

function doorsOf (plugin: Plugin, ports: MethodPorts): Omit<PluginApi, 'id' | 'name' | 'version' | 'rootDir' | 'pluginConfig' | 'logger' | 'signal'> {
  const { tools, methods, routes, providers, channels, services } = plugin.brought
  return {
    registerTool (tool, { optional = false } = {}) {
      if (typeof tool !== 'object' || tool === null) throw new PluginProblem('registerTool takes a tool; functions that make one for each session are not offered')
      const made = pluginTool(tool, optional, plugin)
      if (tools.some(({ name }) => name.toLowerCase() === made.name.toLowerCase())) throw new PluginProblem(`it has two tools named ${made.name}`)
      add(tools, made, 'tools')
    },
    registerGatewayMethod (name, method, { scope } = {}) {
      const declaration = typeof method === 'function' ? foreignMethod(method, scope) : method
      if (methods.has(name)) throw new PluginProblem(`it has two methods named ${name}`)
      if (methods.size >= maxOfAKind) throw new PluginProblem(`it has more than ${maxOfAKind} methods`)
      methods.set(name, pluginMethod(name, declaration, plugin, ports))
    },
    registerHttpRoute (route) {
      const made = openRoute(route, plugin, ports.callAs)
      const other = routes.find(known => overlap(known, made) && (known.scope === undefined) !== (made.scope === undefined))
      if (other) throw new PluginProblem(`the routes ${other.path} and ${made.path} overlap and differ in who looks at credentials`)
      if (routes.some(({ path, isPrefix }) => path === made.path && isPrefix === made.isPrefix)) throw new PluginProblem(`it has two routes ${made.path}`)
      add(routes, made, 'routes')
    },
    registerProvider (provider: ProviderDeclaration) {
      checkProvider(provider)
      if (providers.has(provider.api)) throw new PluginProblem(`it has two providers of ${provider.api}`)
      if (providers.size >= maxOfAKind) throw new PluginProblem(`it has more than ${maxOfAKind} providers`)
      providers.set(provider.api, provider)
    },
    registerChannel (channel) {
      checkChannel(channel)
      if (channels.some(({ id }) => id === channel.id)) throw new PluginProblem(`it has two channels ${channel.id}`)
      add(channels, channel, 'channels')
    },
    registerService (service: PluginService) {
      if (typeof service?.id !== 'string' || typeof service.start !== 'function') throw new PluginProblem('a service needs an id and a function that starts it')
      add(services, service, 'services')
    }
  }
}

export function createRegistration (plugin: Plugin, ports: MethodPorts): Registration {
  const { candidate: { manifest, root }, config, log, signal } = plugin
  const doors = doorsOf(plugin, ports)
  let isOpen = true
  const guarded = Object.fromEntries(Object.entries(doors).map(([name, door]) => [name, (...args: unknown[]) => {
    if (!isOpen) throw new PluginProblem(`${name} was called after the registration was done`)
    return outside(() => (door as (...given: unknown[]) => unknown)(...args))
  }])) as unknown as typeof doors
  const api: PluginApi = Object.freeze({
    id: manifest.id,
    name: manifest.name,
    version: manifest.version,
    rootDir: root,
    pluginConfig: config,
    logger: logOf(log, manifest.id),
    signal,
    ...guarded
  })
  return {
    api,
    take ({ tools = [], methods = {}, routes = [], providers = [], channels = [], services = [] }) {
      for (const tool of tools) api.registerTool(tool)
      for (const [name, method] of Object.entries<PluginMethod>(methods)) api.registerGatewayMethod(name, method)
      for (const route of routes) api.registerHttpRoute(route)
      for (const provider of providers) api.registerProvider(provider)
      for (const channel of channels) api.registerChannel(channel)
      for (const service of services) api.registerService(service)
    },
    close () { isOpen = false }
  }
}
