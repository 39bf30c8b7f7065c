/** Plugins, and the few narrow ways from them into the other rooms. */
import type { FastifyInstance } from 'fastify'
import { agentEntries } from '../config/agent-entries.ts'
import type { LiveConfig } from '../config/live-config.ts'
import type { Paths } from '../config/paths.ts'
import type { EventBus } from '../events/bus.ts'
import type { Logging } from '../log/logger.ts'
import { methodTable } from '../methods/index.ts'
import { createPlugins, type Plugins, type PluginsOptions } from '../plugins/plugins.ts'
import { workspaceOf } from '../agent/roster/workspace.ts'
import type { ToolsRoom } from '../tools/tools.ts'
import type { Unclaimed } from '../rpc/plugin.ts'
import type { PluginRoutesOptions } from '../routes/plugins.ts'
import { createAttemptLimiter } from '../auth/limiter.ts'

export interface PluginParts extends Pick<PluginsOptions, 'kinds' | 'callAs' | 'crashLoop'> {
  readonly live: LiveConfig
  readonly paths: Paths
  readonly logging: Logging
  readonly events: EventBus
  readonly tools: ToolsRoom
  readonly now: () => number
}

export const composePlugins = (
  { live, paths, logging, events, tools, now, kinds, callAs, crashLoop }: PluginParts
): Plugins => createPlugins({
  kinds,
  callAs,
  crashLoop,
  live,
  configPath: paths.configPath,
  homeDir: paths.homeDir,
  workspaces () {
    const { config } = live.current()
    return agentEntries(config).map(({ id }) => workspaceOf(config, id, paths))
  },
  registry: tools.registry,
  coreMethods: () => Object.keys(methodTable),
  log: logging.child('plugins'),
  redact: logging.redactor.redactText,
  changed: () => events.emit('plugins.changed', { ts: now() })
})

export interface PluginDoorParts extends Omit<PluginRoutesOptions, 'limiter' | 'plugins'> {
  readonly plugins: Plugins
  readonly live: LiveConfig
  readonly now: () => number
}

/** Undefined while no plugin is configured: then there is no such door. */
export async function composePluginDoor (fastify: FastifyInstance, parts: PluginDoorParts): Promise<Unclaimed | undefined> {
  const { plugins, live, now, auth, unavailable } = parts
  if (!plugins.mayHaveRoutes) return undefined
  const { registerPluginRoutes, registerPluginBodies } = await import('../routes/plugins.ts')
  const unclaimed = registerPluginRoutes(fastify, {
    auth, unavailable, plugins, limiter: createAttemptLimiter({ settings: () => live.current().config.gateway.auth.rateLimit, now })
  })
  await registerPluginBodies(fastify, unclaimed)
  return unclaimed
}
