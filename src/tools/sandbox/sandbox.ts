/** Which sessions run in a sandbox, and what carries out their commands. */
import { join } from 'node:path'
import { expandPath } from '../../config/paths.ts'
import type { Config } from '../../config/schema.ts'
import { createPrivateFile } from '../../lib/private-file.ts'
import { parseKey } from '../../sessions/keys.ts'
import { createHostLauncher, type Launcher } from '../exec/launch.ts'
import { denyPathsOf } from '../files/files.ts'
import type { Session } from '../files/files.ts'
import { mayElevate, type Sender } from './elevation.ts'
import { buildPlan, type SandboxBackend, type SandboxPlan } from './plan.ts'
import { SandboxUnavailable } from './refusal.ts'
import { sandboxSettings, type SandboxSettings } from './settings.ts'

export interface SandboxOptions {
  readonly config: () => { readonly config: Config }
  readonly paths: { readonly stateDir: string, readonly homeDir: string, readonly configPath?: string }
  readonly workspaceOf: (agentId: string) => string
  readonly env: { readonly [name: string]: string | undefined }
  readonly now: () => number
}

export interface Sandbox {
  isSandboxed (session: Session): boolean
  /** Undefined: the session has none. */
  plan (session: Session): Promise<SandboxPlan | undefined>
  /** Rejects rather than let a command run outside. A sender who may elevate has asked to be there. */
  launcherFor (session: Session & { readonly elevatedFor?: Sender }): Promise<Launcher>
  close (): Promise<void>
}

const applies = ({ mode }: SandboxSettings, { sessionKey }: Session): boolean =>
  mode === 'all' || (mode === 'non-main' && parseKey(sessionKey).kind !== 'main')

export function createSandbox ({ config, paths, workspaceOf, env, now }: SandboxOptions): Sandbox {
  const { stateDir, homeDir, configPath = join(stateDir, 'openclaw.json') } = paths
  const settingsFor = ({ agentId }: Session): SandboxSettings => sandboxSettings(config().config, agentId)
  let bubblewrap: Promise<SandboxBackend> | undefined
  let docker: Promise<SandboxBackend> | undefined

  async function passwdFile (): Promise<string> {
    const file = join(stateDir, 'sandboxes', '.passwd')
    await createPrivateFile(file, 'agent:x:1000:1000::/home/agent:/bin/sh\n')
    return file
  }

  async function plan (session: Session): Promise<SandboxPlan | undefined> {
    const settings = settingsFor(session)
    if (!applies(settings, session)) return undefined
    const { workspaceRoot } = settings
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
      bubblewrap ??= import('./bubblewrap.ts').then(({ createBubblewrap }) => createBubblewrap({ searchPath: env['PATH'] ?? '', passwdFile, now }))
      return await bubblewrap
    }
    if (backend === 'docker' || backend === 'podman') {
      docker ??= import('./docker.ts').then(({ createDocker }) => createDocker({ env, stateDir }))
      return await docker
    }
    throw new SandboxUnavailable(`the backend "${backend}" is not offered by this gateway`, 'Set agents.defaults.sandbox.backend to "bubblewrap" or "docker".')
  }

  return {
    isSandboxed: session => applies(settingsFor(session), session),
    plan,
    async launcherFor ({ elevatedFor, ...session }) {
      const settings = settingsFor(session)
      if (!applies(settings, session)) return createHostLauncher()
      if (elevatedFor) {
        if (mayElevate(config().config, session.agentId, elevatedFor)) return createHostLauncher()
        throw new SandboxUnavailable('this sender may not leave it', 'tools.elevated.allowFrom names who may, for each channel.')
      }
      const planned = await plan(session)
      return await (await backendOf(settings)).launcherFor(planned!)
    },
    async close () {
      await (await docker?.catch(() => undefined))?.close?.()
    }
  }
}
