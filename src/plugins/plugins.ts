/** The plugins room, of which nothing is loaded as long as the configuration names no plugin. */
import type { LiveConfig } from '../config/live-config.ts'
import { GatewayError } from '../protocol/errors.ts'
import type { Method } from '../rpc/define-method.ts'
import type { ToolRegistry } from '../tools/registry.ts'
import type { HostPorts, PluginHost, PluginState } from './host.ts'
import type { RouteSearch, Shelf } from './shelf.ts'
import type { Unusable } from './discovery.ts'

export type PluginsOptions = Omit<HostPorts, 'plugins' | 'registry'> & {
  readonly live: LiveConfig
  readonly registry: () => Promise<ToolRegistry>
}

export interface PluginsReport {
  readonly states: readonly PluginState[]
  readonly unreadable: readonly Unusable[]
}

export interface Plugins {
  /** Loads what the configuration names, which is over at once when that is nothing. */
  begin (): Promise<void>
  /** Whether there may ever be a route of a plugin in this life. */
  readonly mayHaveRoutes: boolean
  /** Throws PLUGINS_LOADING while nobody knows yet. */
  find (method: string): Method<unknown> | undefined
  advertised (): readonly string[]
  /** Throws PLUGINS_LOADING while nobody knows yet. */
  route (method: string, path: string): RouteSearch
  /** Channels that plugins have declared, for the room that runs channels: it asks again after each `plugins.changed`. */
  channels (): ReturnType<Shelf['channels']>
  report (): Promise<PluginsReport>
  /** Reads the configuration and the manifests again, and tries anew what has failed. */
  refresh (): Promise<void>
  /** Written into the configuration, and in force at once. */
  setEnabled (id: string, enabled: boolean): Promise<void>
  close (): Promise<void>
}

export function createPlugins ({ live, ...ports }: PluginsOptions): Plugins {
  const settings = (): ReturnType<HostPorts['plugins']> => live.current().config.plugins
  const isWanted = (): boolean => settings().enabled && settings().load.paths.length > 0
  let opening: Promise<PluginHost> | undefined
  let host: PluginHost | undefined
  let isLoading = isWanted()

  const refuseWhileLoading = (): void => {
    if (isLoading) throw new GatewayError('PLUGINS_LOADING')
  }

  async function open (): Promise<PluginHost> {
    const [{ createHost }, registry] = await Promise.all([import('./host.ts'), ports.registry()])
    host = createHost({ ...ports, registry, plugins: settings })
    await host.sync()
    return host
  }

  /** A gateway without plugins never gets here. Whoever asks while they load waits for them. */
  async function loaded (): Promise<PluginHost> {
    opening ??= open()
    return await opening
  }

  // Whoever else has changed the configuration does not know about plugins.
  live.onChange(() => {
    host?.sync().catch((err: unknown) => ports.log.error({ err }, 'plugins could not follow the configuration'))
  })

  return {
    async begin () {
      try {
        if (isWanted()) await loaded()
      } catch (err) {
        ports.log.error({ err }, 'plugins could not be loaded')
      } finally {
        isLoading = false
      }
    },
    mayHaveRoutes: settings().load.paths.length > 0,
    find (name) {
      const found = host?.shelf.method(name)
      if (!found) refuseWhileLoading()
      return found
    },
    advertised: () => host?.shelf.advertised() ?? [],
    route (method, path) {
      const found = host?.shelf.route(method, path)
      if (!found) refuseWhileLoading()
      return found
    },
    channels: () => host?.shelf.channels() ?? [],
    async report () {
      if (settings().load.paths.length === 0 && !host) return { states: [], unreadable: [] }
      const { states, unreadable } = await loaded()
      return { states: states(), unreadable: unreadable() }
    },
    async refresh () {
      await live.reload()
      if (settings().load.paths.length === 0 && !host) return
      await (await loaded()).sync({ again: true })
    },
    async setEnabled (id, enabled) {
      const { setConfigValue } = await import('../config/edit.ts')
      const { entries } = settings()
      const name = Object.keys(entries).find(key => key.toLowerCase() === id.toLowerCase()) ?? id
      await live.change(text => setConfigValue(text, ['plugins', 'entries', name, 'enabled'], enabled))
      await (await loaded()).sync({ again: true })
    },
    async close () {
      // One that hangs while it loads must not hold up the stop.
      await host?.close()
    }
  }
}
