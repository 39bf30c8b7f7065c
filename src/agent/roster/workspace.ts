/** Where an agent works. */
import { join } from 'node:path'
import { agentEntries, defaultAgentId } from '../../config/agent-entries.ts'
import { expandPath, type Paths } from '../../config/paths.ts'
import type { Config } from '../../config/schema.ts'

export type WorkspacePaths = Pick<Paths, 'stateDir' | 'homeDir' | 'workspaceDir'>

/** Its own directory, else that of all agents for the default one, and one beside it for each of the others. */
export function workspaceOf (config: Pick<Config, 'agents'>, agentId: string, { homeDir, workspaceDir }: WorkspacePaths): string {
  const own = agentEntries(config).find(({ id }) => id.toLowerCase() === agentId.toLowerCase())?.workspace
  if (own) return expandPath(own, homeDir)
  const { workspace } = config.agents.defaults
  const shared = workspace ? expandPath(workspace, homeDir) : workspaceDir
  if (agentId.toLowerCase() === defaultAgentId(config).toLowerCase()) return shared
  return workspace ? join(shared, agentId.toLowerCase()) : `${shared}-${agentId.toLowerCase()}`
}
