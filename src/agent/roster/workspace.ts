/** Where an agent works. */
import { join } from 'node:path'
import { agentEntries, defaultAgentId } from '../../config/agent-entries.ts'
import { expandPath, type Paths } from '../../config/paths.ts'
import type { Config } from '../../config/schema.ts'

export type WorkspacePaths = Pick<Paths, 'stateDir' | 'homeDir' | 'workspaceDir'>

/** Its own directory, else that of all agents for the default one, and one beside it for each of the others. */
export function workspaceOf (config: Pick<Config, 'agents'>, agentId: string, paths: WorkspacePaths): string {
  const id = agentId.toLowerCase()
  const entry = agentEntries(config).find(candidate => candidate.id.toLowerCase() === id)
  return entryWorkspace(config, { id, workspace: entry?.workspace }, id === defaultAgentId(config).toLowerCase(), paths)
}

type Place = { readonly id: string, readonly workspace?: string | undefined }

/** The same for who has the entry at hand. */
export function entryWorkspace (config: Pick<Config, 'agents'>, { id, workspace: own }: Place, isDefault: boolean, paths: WorkspacePaths): string {
  const { homeDir, workspaceDir } = paths
  if (own) return expandPath(own, homeDir)
  const { workspace } = config.agents.defaults
  const shared = workspace ? expandPath(workspace, homeDir) : workspaceDir
  if (isDefault) return shared
  return workspace ? join(shared, id.toLowerCase()) : `${shared}-${id.toLowerCase()}`
}
