/** Who may touch which files, and the order in which they are changed. */
import { join } from 'node:path'
import { agentEntries } from '../../config/agent-entries.ts'
import { expandPath } from '../../config/paths.ts'
import type { Config } from '../../config/schema.ts'
import { createLanes } from '../../lib/one-at-a-time.ts'
import type { SandboxPlan } from '../sandbox/plan.ts'
import { realPlace, type FileView, type Root } from './view.ts'

export interface FilesOptions {
  readonly config: () => { readonly config: Config }
  readonly paths: { readonly stateDir: string, readonly homeDir: string, readonly configPath?: string }
  readonly workspaceOf: (agentId: string) => string
  /** What the sandbox of a session is; undefined: it has none. */
  readonly plan: (session: Session) => Promise<SandboxPlan | undefined>
}

export interface Session { readonly agentId: string, readonly sessionKey: string }

export interface Files {
  /** Answered anew for each call: links and settings may have changed. */
  view (session: Session): Promise<FileView>
  /** The workspace of an agent and nothing else; its first root is the real one. No sandbox has a say. */
  workspace (agentId: string): Promise<FileView>
  /** One after the other for each file, in an order in which two never wait for each other. */
  inTurn <R>(paths: readonly string[], work: () => Promise<R>): Promise<R>
}

type ToolSettings = Pick<Config['tools'], 'exec' | 'fs'>

const entryOf = (config: Config, agentId: string): Partial<ToolSettings> | undefined =>
  agentEntries(config).find(({ id }) => id.toLowerCase() === agentId.toLowerCase())?.tools as Partial<ToolSettings> | undefined

/** An agent may have more denied places than all have, and never fewer. */
export const denyPathsOf = (config: Config, agentId: string): string[] =>
  [...config.tools.exec.denyPaths, ...entryOf(config, agentId)?.exec?.denyPaths ?? []]

function settingsOf (config: Config, agentId: string): { allowed: readonly string[], denied: readonly string[], isConfined: boolean } {
  const own = entryOf(config, agentId)
  const { exec, fs } = config.tools
  return {
    allowed: own?.exec?.allowedPaths ?? exec.allowedPaths ?? [],
    denied: denyPathsOf(config, agentId),
    isConfined: [fs, own?.fs].every(settings => settings?.['workspaceOnly'] !== false)
  }
}

const real = (paths: readonly string[]): Promise<string[]> => Promise.all(paths.map(path => realPlace(path)))

/** Under the name that people know and under that which the system shows. */
async function rootsAt (paths: readonly string[]): Promise<Root[]> {
  const sources = await real(paths)
  return paths.flatMap((target, index) => {
    const source = sources[index]!
    return [...new Set([target, source])].map(name => ({ target: name, source, isWritable: true }))
  })
}

function createTurns (): Files['inTurn'] {
  const inLane = createLanes()
  return async function inTurn<R> (paths: readonly string[], work: () => Promise<R>): Promise<R> {
    const [path, ...others] = [...new Set(paths)].sort()
    return path === undefined ? await work() : await inLane(path, () => inTurn(others, work))
  }
}

export function createFiles ({ config, paths, workspaceOf, plan }: FilesOptions): Files {
  const { stateDir, homeDir, configPath = join(stateDir, 'openclaw.json') } = paths

  const neverOf = async (denied: readonly string[]): Promise<Pick<FileView, 'denied' | 'guarded'>> => ({
    denied: await real(denied.map(path => expandPath(path, homeDir))),
    guarded: await real([stateDir, configPath])
  })

  async function view (session: Session): Promise<FileView> {
    const { allowed, denied, isConfined } = settingsOf(config().config, session.agentId)
    const never = await neverOf(denied)
    const sandboxed = await plan(session)
    if (sandboxed) {
      const roots = sandboxed.mounts.map(({ target, source, access }) => ({ target, source, isWritable: access === 'rw' }))
      return { cwd: sandboxed.cwd, roots, ...never }
    }
    const workspace = workspaceOf(session.agentId)
    const places = [workspace, ...allowed.map(path => expandPath(path, homeDir)), ...isConfined || allowed.length > 0 ? [] : ['/']]
    return { cwd: workspace, homeDir, roots: await rootsAt(places), ...never }
  }

  async function workspace (agentId: string): Promise<FileView> {
    const cwd = workspaceOf(agentId)
    const [source] = await real([cwd])
    const roots = [...new Set([source!, cwd])].map(target => ({ target, source: source!, isWritable: false }))
    return { cwd, roots, ...await neverOf(denyPathsOf(config().config, agentId)) }
  }

  return { view, workspace, inTurn: createTurns() }
}
