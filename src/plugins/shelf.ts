/** What the plugins that are there offer together. One name, one owner: whoever came first keeps it. */
import type { Channel } from '../channels/define-channel.ts'
import type { ProviderKind } from '../providers/model.ts'
import type { Method } from '../rpc/define-method.ts'
import type { ToolRegistry } from '../tools/registry.ts'
import { remark, type Plugin } from './plugin.ts'
import { kindFor } from './providers.ts'
import { covers, overlap, type OpenRoute } from './routes.ts'

export type RouteSearch = { readonly route: OpenRoute } | { readonly allow: readonly string[] } | undefined

export interface Shelf {
  /** What somebody else has already is left out, and the plugin gets a remark. */
  put (plugin: Plugin): void
  take (plugin: Plugin): void
  method (name: string): Method<unknown> | undefined
  /** For hello-ok. */
  advertised (): readonly string[]
  route (method: string, path: string): RouteSearch
  channels (): ReadonlyArray<{ readonly pluginId: string, readonly channel: Channel }>
}

export interface ShelfPorts {
  readonly registry: Pick<ToolRegistry, 'add' | 'remove'>
  /** Wire formats by `api`; those of plugins are added to them. */
  readonly kinds: Map<string, ProviderKind>
}

interface Owned<Item> {
  readonly plugin: Plugin
  readonly item: Item
}

function putMethods (plugin: Plugin, methods: Map<string, Owned<Method<unknown>>>): void {
  for (const [name, item] of plugin.brought.methods) {
    const owner = methods.get(name)
    if (owner) remark(plugin, `the method ${name} is left out: the plugin ${owner.plugin.id} has it`)
    else methods.set(name, { plugin, item })
  }
}

function putRoutes (plugin: Plugin, routes: OpenRoute[]): void {
  for (const route of plugin.brought.routes) {
    const other = routes.find(known => known.plugin !== plugin && overlap(known, route))
    if (other) remark(plugin, `the route ${route.path} is left out: the plugin ${other.plugin.id} has ${other.path}`)
    else routes.push(route)
  }
  // The longest path first, and an exact one before a prefix: the first that covers a path is the one that is meant.
  routes.sort((a, b) => b.path.length - a.path.length || Number(a.isPrefix) - Number(b.isPrefix))
}

export function createShelf ({ registry, kinds }: ShelfPorts): Shelf {
  const methods = new Map<string, Owned<Method<unknown>>>()
  const providers = new Map<string, Owned<ReturnType<Plugin['brought']['providers']['get']> & object>>()
  const toolsOf = new Map<Plugin, readonly string[]>()
  let routes: OpenRoute[] = []
  let plugins: readonly Plugin[] = []
  let advertised: readonly string[] | undefined

  function putTools (plugin: Plugin): void {
    const refused = new Set(registry.add(plugin.brought.tools))
    for (const name of refused) remark(plugin, `the tool ${name} is left out: there is one of that name`)
    toolsOf.set(plugin, plugin.brought.tools.map(({ name }) => name).filter(name => !refused.has(name)))
  }

  function putProviders (plugin: Plugin): void {
    for (const [api, item] of plugin.brought.providers) {
      const owner = providers.get(api)
      if (owner ?? kinds.has(api)) remark(plugin, `the provider ${api} is left out: ${owner ? `the plugin ${owner.plugin.id}` : 'the gateway'} serves it`)
      else {
        providers.set(api, { plugin, item })
        kinds.set(api, kindFor(api, wanted => {
          const found = providers.get(wanted)
          return found && { plugin: found.plugin, declaration: found.item }
        }))
      }
    }
  }

  return {
    put (plugin) {
      plugins = [...plugins, plugin]
      putTools(plugin)
      putMethods(plugin, methods)
      putRoutes(plugin, routes)
      putProviders(plugin)
      advertised = undefined
    },
    take (plugin) {
      plugins = plugins.filter(known => known !== plugin)
      registry.remove(toolsOf.get(plugin) ?? [])
      toolsOf.delete(plugin)
      for (const [name, owner] of methods) if (owner.plugin === plugin) methods.delete(name)
      routes = routes.filter(route => route.plugin !== plugin)
      for (const [api, owner] of providers) {
        if (owner.plugin !== plugin) continue
        providers.delete(api)
        kinds.delete(api)
      }
      advertised = undefined
    },
    method: name => methods.get(name)?.item,
    advertised () {
      advertised ??= [...methods].filter(([, { item }]) => item.advertise !== false).map(([name]) => name)
      return advertised
    },
    route (method, path) {
      const there = routes.filter(route => covers(route, path))
      const route = there.find(({ methods: served }) => served === undefined || served.has(method))
      if (route) return { route }
      return there.length === 0 ? undefined : { allow: [...new Set(there.flatMap(({ methods: served }) => [...served ?? []]))] }
    },
    channels: () => plugins.flatMap(({ id, brought }) => brought.channels.map(channel => ({ pluginId: id, channel })))
  }
}
