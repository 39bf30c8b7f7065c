/** The files of agents, and the sandboxes that both their files and their commands are in. */
import { workspaceOf } from '../agent/roster/workspace.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Paths } from '../config/paths.ts'
import { createFiles, type Files } from '../tools/files/files.ts'
import { createSandbox, type Sandbox } from '../tools/sandbox/sandbox.ts'

export interface FilesSources {
  readonly config: () => LoadedConfig
  readonly paths: Pick<Paths, 'stateDir' | 'homeDir' | 'workspaceDir'> & Partial<Pick<Paths, 'configPath'>>
  readonly now: () => number
}

export interface AgentFiles {
  readonly files: Files
  readonly sandbox: Sandbox
}

export function composeFiles ({ config, paths, now }: FilesSources): AgentFiles {
  const options = { config, paths, workspaceOf: (agentId: string) => workspaceOf(config().config, agentId, paths) }
  const sandbox = createSandbox({ ...options, env: () => config().env, now })
  return { files: createFiles({ ...options, plan: sandbox.plan }), sandbox }
}
