/** Which sessions run in a sandbox, and what carries out their commands. */
import { join } from 'node:path'
import { expandPath } from '../../config/paths.ts'
import type { Config } from '../../config/schema.ts'
import { createPrivateFile } from '../../lib/private-file.ts'
import { isSandboxed } from '../circumstances.ts'
import { createHostLauncher, type Launcher } from '../exec/launch.ts'
import type { CommandPlace } from '../exec/sources.ts'
import { denyPathsOf } from '../files/files.ts'
import type { Session } from '../files/files.ts'
import { mayElevate } from './elevation.ts'
import type { SandboxBackend, SandboxPlan } from './plan.ts'
import { SandboxUnavailable } from './refusal.ts'
import { sandboxSettings, type SandboxSettings } from './settings.ts'

export interface SandboxOptions {
  readonly config: () => { readonly config: Config }
  readonly paths: { readonly stateDir: string, readonly homeDir: string, readonly configPath?: string }
  readonly workspaceOf: (agentId: string) => string
  readonly env: () => { readonly [name: string]: string | undefined }
  readonly now: () => number
}

export interface Sandbox {
  /** Undefined: the session has none. */
  plan (session: Session): Promise<SandboxPlan | undefined>
  /** Rejects rather than let a command run outside. */
  launcherFor (place: CommandPlace): Promise<Launcher>
  close (): Promise<void>
}

export function createSandbox ({ config, paths, workspaceOf, env, now }: SandboxOptions): Sandbox {
  const { stateDir, homeDir, configPath = join(stateDir, 'openclaw.json') } = paths
  const applies = ({ agentId, sessionKey }: Session): boolean => isSandboxed(config().config, agentId, sessionKey)
  const settingsFor = ({ agentId }: Session): SandboxSettings => sandboxSettings(config().config, agentId)
  const host = createHostLauncher()
  let bubblewrap: Promise<SandboxBackend> | undefined
  let docker: Promise<SandboxBackend> | undefined

  async function passwdFile (): Promise<string> {
    const file = join(stateDir, 'sandboxes', '.passwd')
    await createPrivateFile(file, 'agent:x:1000:1000::/home/agent:/bin/sh\n')
    return file
  }

  async function plan (session: Session): Promise<SandboxPlan | undefined> {
    if (!applies(session)) return undefined
    const settings = settingsFor(session)
    const { workspaceRoot } = settings
    const { buildPlan } = await import('./plan.ts')
    return await buildPlan({
      settings,
      ...session,
      workspace: workspaceOf(session.agentId),
      sandboxesDir: workspaceRoot === undefined ? join(stateDir, 'sandboxes') : expandPath(workspaceRoot, homeDir),
      guarded: [stateDir, configPath],
      denied: denyPathsOf(config().config, session.agentId).map(path => expandPath(path, homeDir))
    })
  }

  async function backendOf ({ backend }: SandboxSettings): Promise<SandboxBackend> {
    if (backend === 'bubblewrap') {
      bubblewrap ??= import('./bubblewrap.ts').then(({ createBubblewrap }) => createBubblewrap({ searchPath: env()['PATH'] ?? '', passwdFile, now }))
      return await bubblewrap
    }
    if (backend === 'docker' || backend === 'podman') {
      docker ??= import('./docker.ts').then(({ createDocker }) => createDocker({ env: env(), stateDir }))
      return await docker
    }
    throw new SandboxUnavailable(`the backend "${backend}" is not offered by this gateway`, 'Set agents.defaults.sandbox.backend to "bubblewrap" or "docker".')
  }

  return {
    plan,
    async launcherFor ({ isElevated = false, from, ...session }) {
      if (!applies(session)) return host
      if (isElevated) {
        if (mayElevate(config().config, session.agentId, from)) return host
        throw new SandboxUnavailable('nobody who may leave it has asked for that', 'tools.elevated.allowFrom names who may, for each channel.')
      }
      const planned = await plan(session)
      return await (await backendOf(settingsFor(session))).launcherFor(planned!)
    },
    async close () {
      await (await docker?.catch(() => undefined))?.close?.()
    }
  }
}
