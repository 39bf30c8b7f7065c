/** What the configuration says about the sandbox of an agent. */
import { agentEntries } from '../../config/agent-entries.ts'
import type { Config } from '../../config/schema.ts'

type Given = Config['agents']['defaults']['sandbox']

export interface SandboxSettings {
  readonly mode: Given['mode']
  readonly scope: Given['scope']
  readonly workspaceAccess: Given['workspaceAccess']
  readonly backend: string
  readonly hasNetwork: boolean
  readonly workspaceRoot: string | undefined
  readonly docker: { readonly [name: string]: unknown }
}

const named = (settings: object | undefined): object =>
  Object.fromEntries(Object.entries(settings ?? {}).filter(([, value]) => value !== undefined))

/** A setting of the agent wins over that of all agents. */
export function sandboxSettings (config: Pick<Config, 'agents'>, agentId: string): SandboxSettings {
  const shared = config.agents.defaults.sandbox
  const own = agentEntries(config).find(({ id }) => id.toLowerCase() === agentId.toLowerCase())?.sandbox
  const { mode, scope, workspaceAccess, backend, network, workspaceRoot } = { ...shared, ...named(own) } as Given
  const docker = { ...shared.docker, ...own?.docker }
  const isContainer = docker['image'] !== undefined || docker['host'] !== undefined
  return {
    mode,
    scope,
    workspaceAccess,
    backend: backend ?? (isContainer ? 'docker' : 'bubblewrap'),
    hasNetwork: network === 'host',
    workspaceRoot,
    docker
  }
}
