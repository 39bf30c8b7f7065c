import type { LoadedConfig } from '../config/load.ts'
import type { Paths } from '../config/paths.ts'
import type { HelloSnapshot } from '../rpc/hello.ts'
import { isConfined, ownMain } from '../sessions/ownership.ts'
import type { Host } from './host.ts'

export interface SnapshotOptions {
  readonly host: Host
  readonly config: () => LoadedConfig
  readonly paths: Pick<Paths, 'configPath' | 'stateDir'>
  readonly authMode: () => string
}

/** What whoever has just come in is told of the gateway, as far as it is theirs to know. */
export function composeSnapshot ({ host, config, paths, authMode }: SnapshotOptions): HelloSnapshot {
  const { health, presence, lifecycle } = host
  return {
    presence: ({ caller }) => caller?.role === 'node' || !caller?.allows.has('operator.read') || isConfined(caller.key) ? '[]' : presence.json(),
    health: ({ caller }) => isConfined(caller?.key) ? '{"ok":true}' : health.json(),
    stateVersion: host.stateVersion,
    uptimeMs: lifecycle.uptimeMs,
    authMode,
    appliedConfigHash: () => config().hash ?? null,
    sessionDefaults ({ caller }) {
      const first = host.defaultAgent().agentId
      const { agentId, key } = isConfined(caller?.key) ? ownMain(caller.key, first) : { agentId: first, key: `agent:${first}:main` }
      return { defaultAgentId: agentId, mainKey: 'main', mainSessionKey: key, scope: 'per-sender' }
    },
    paths: () => ({ configPath: paths.configPath, stateDir: paths.stateDir })
  }
}
