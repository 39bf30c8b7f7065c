/** The agents of this gateway as the configuration names them: who there is, where each works, and how one comes and goes. */
import { join } from 'node:path'
import { agentEntries, defaultAgentId, type AgentEntry } from '../../config/agent-entries.ts'
import type { LiveConfig } from '../../config/live-config.ts'
import type { Config } from '../../config/schema.ts'
import { createOneAtATime } from '../../lib/one-at-a-time.ts'
import { GatewayError } from '../../protocol/errors.ts'
import type { SessionsRoom } from '../../sessions/sessions.ts'
import type { Runs } from '../room.ts'
import type { AgentChange } from './edits.ts'
import { agentIdOf } from './ids.ts'
import { configuredIdentity, type ConfiguredIdentity, type EffectiveIdentity } from './identity.ts'
import type { Outcome } from './removal.ts'
import type { FileChange, FileEntry } from './workspace-files.ts'
import { entryWorkspace, workspaceOf, type WorkspacePaths } from './workspace.ts'

export interface AgentProfile {
  readonly id: string
  readonly name?: string
  readonly isDefault: boolean
  readonly workspace: string
  readonly identity: ConfiguredIdentity
  readonly external: boolean
  readonly thinkingDefault: string
  /** Whether `model` is its own rather than that of all agents. */
  readonly ownModel: boolean
}

export interface RosterOptions {
  readonly live: LiveConfig
  readonly paths: WorkspacePaths
  readonly sessions: SessionsRoom
  readonly runs: Runs
  readonly now: () => number
}

export interface Roster {
  list (): readonly AgentProfile[]
  /** The default one when none is named. Throws AGENT_UNKNOWN. */
  get (agentId?: string): AgentProfile
  identity (agent: AgentProfile): Promise<EffectiveIdentity>
  /** One at a time, so that what is compared is what is replaced. */
  setFile (agent: AgentProfile, file: FileChange): Promise<FileEntry>
  create (request: AgentChange & { readonly name: string }): Promise<AgentProfile>
  update (agentId: string, change: AgentChange): Promise<AgentProfile>
  remove (agentId: string, options: { readonly deleteFiles: boolean }): Promise<Removal>
}

export interface Removal extends Outcome {
  readonly agentId: string
  readonly removedBindings: number
}

function profileOf (entry: AgentEntry, config: Config, isDefault: boolean, paths: WorkspacePaths): AgentProfile {
  return {
    id: entry.id,
    ...(entry.name ? { name: entry.name } : {}),
    isDefault,
    workspace: entryWorkspace(config, entry, isDefault, paths),
    identity: configuredIdentity(entry.identity),
    external: entry.runtime === 'external',
    thinkingDefault: entry.thinkingDefault ?? config.agents.defaults.thinkingDefault ?? 'off',
    ownModel: entry.model !== undefined
  }
}

function profilesOf (config: Config, paths: WorkspacePaths): readonly AgentProfile[] {
  const defaultId = defaultAgentId(config)
  return agentEntries(config).map(entry => profileOf(entry, config, entry.id === defaultId, paths))
}

function protect ({ id, isDefault }: AgentProfile, all: readonly AgentProfile[]): void {
  const details = { agentId: id }
  const refuse = (message: string): never => { throw new GatewayError('AGENT_PROTECTED', { message, details }) }
  if (all.length === 1) refuse(`agent "${id}" is the only configured agent and cannot be deleted`)
  if (isDefault) refuse(`agent "${id}" is the default agent and cannot be deleted; make another one the default first`)
}

/** A directory that nobody may lose because an agent is deleted. */
const keptBeside = (agent: AgentProfile, all: readonly AgentProfile[], { homeDir, stateDir }: WorkspacePaths) => [
  { path: homeDir, why: 'is or holds the home directory' },
  { path: stateDir, why: 'is or holds the state directory' },
  ...all.filter(({ id }) => id !== agent.id).map(({ id, workspace }) => ({ path: workspace, why: `is or holds the workspace of agent "${id}"` }))
]

export function createRoster ({ live, paths, sessions, runs, now }: RosterOptions): Roster {
  const inTurn = createOneAtATime()
  let known: { readonly config: Config, readonly profiles: readonly AgentProfile[] } | undefined
  const list = (): readonly AgentProfile[] => {
    const { config } = live.current()
    if (known?.config !== config) known = { config, profiles: profilesOf(config, paths) }
    return known.profiles
  }
  const find = (agentId: string): AgentProfile | undefined => list().find(({ id }) => id.toLowerCase() === agentId.toLowerCase())
  function get (agentId?: string): AgentProfile {
    const agent = agentId === undefined ? list().find(({ isDefault }) => isDefault) : find(agentId)
    if (agent) return agent
    const shown = String(agentId).slice(0, 64)
    throw new GatewayError('AGENT_UNKNOWN', { message: `agent "${shown}" not found`, details: { agentId: shown } })
  }

  return {
    list,
    get,
    identity: async agent => await (await import('./identity.ts')).effectiveIdentity(agent),
    async setFile ({ workspace }, file) {
      const { setFile } = await import('./workspace-files.ts')
      return await inTurn(() => setFile(workspace, file))
    },
    async create (request) {
      const id = agentIdOf(request.name)
      const { addAgent } = await import('./edits.ts')
      await live.change((text, loaded) => {
        const taken = agentEntries(loaded.config).some(entry => entry.id.toLowerCase() === id)
        if (taken) throw new GatewayError('AGENT_EXISTS', { message: `agent "${id}" already exists`, details: { agentId: id } })
        const workspace = request.workspace ?? workspaceOf(loaded.config, id, paths)
        return addAgent(text, loaded, id, { ...request, workspace })
      })
      const { furnish } = await import('./furnishing.ts')
      const agent = get(id)
      await furnish(agent, live.current().config.agents.defaults.skipBootstrap)
      return agent
    },
    async update (agentId, change) {
      const { id } = get(agentId)
      const { updateAgent } = await import('./edits.ts')
      await live.change((text, loaded) => updateAgent(text, loaded, id, change))
      return get(id)
    },
    async remove (agentId, { deleteFiles }) {
      const agent = get(agentId)
      const { removeAgent } = await import('./edits.ts')
      let removedBindings = 0
      await live.change((text, loaded) => {
        const all = profilesOf(loaded.config, paths)
        protect(all.find(({ id }) => id === agent.id) ?? agent, all)
        const removal = removeAgent(text, loaded, agent.id)
        removedBindings = removal.removedBindings
        return removal.text
      })
      const { removeConversations, trashWorkspace } = await import('./removal.ts')
      const answer = { agentId: agent.id, removedBindings }
      if (!deleteFiles) return { ...answer, removed: [], failed: [] }
      const complete = await removeConversations(agent.id.toLowerCase(), sessions, runs)
      const kept = keptBeside(agent, list(), paths)
      const outcome = await trashWorkspace({ workspace: agent.workspace, trashDir: join(paths.stateDir, 'trash'), kept, now })
      return { ...answer, ...outcome, ...(complete ? {} : { purgeFailed: true as const }) }
    }
  }
}
