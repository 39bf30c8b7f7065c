/** What a sandbox consists of, whoever builds it. */
import { createHash } from 'node:crypto'
import { lstat, realpath } from 'node:fs/promises'
import { isAbsolute, join, relative } from 'node:path'
import { ensurePrivateDirectory } from '../../lib/private-file.ts'
import type { Launcher } from '../exec/launch.ts'
import { isWithin, realPlace } from '../files/view.ts'
import { SandboxUnavailable } from './refusal.ts'
import type { SandboxSettings } from './settings.ts'

export interface Mount {
  /** Its name inside. */
  readonly target: string
  /** Its place on this machine, without links. */
  readonly source: string
  readonly access: 'ro' | 'rw'
}

/** Something below a mount that is not to be seen: it looks empty. */
export interface Mask {
  readonly target: string
  readonly kind: 'file' | 'directory'
}

export interface SandboxPlan {
  /** The same for everybody who shares it. */
  readonly id: string
  /** Every file of this machine that is seen inside, apart from the programs of the system. */
  readonly mounts: readonly Mount[]
  readonly masks: readonly Mask[]
  /** Where commands start and relative names begin, inside. */
  readonly cwd: string
  readonly settings: SandboxSettings
}

export interface SandboxBackend {
  /** Rejects with SandboxUnavailable when none can be made. */
  launcherFor (plan: SandboxPlan): Promise<Launcher>
  close? (): Promise<void>
}

export interface PlanOptions {
  readonly settings: SandboxSettings
  readonly agentId: string
  readonly sessionKey: string
  readonly workspace: string
  readonly sandboxesDir: string
  /** What the gateway keeps to itself; a workspace may lie in it. */
  readonly guarded: readonly string[]
  /** Places of this machine that no agent may see. */
  readonly denied: readonly string[]
}

const inside = '/workspace'
/** What no sandbox gets, whoever asks: the machine itself, and the sockets that govern it. */
const neverBound = ['/', '/etc', '/proc', '/sys', '/dev', '/run', '/var/run', '/boot', '/root']
const reserved = ['/', '/usr', '/bin', '/sbin', '/lib', '/lib64', '/etc', '/proc', '/sys', '/dev', '/tmp', inside, '/agent']

/** Short, a word for file systems and engines, and different for different owners. */
export function sandboxId ({ scope }: SandboxSettings, agentId: string, sessionKey: string): string {
  if (scope === 'shared') return 'shared'
  const owner = scope === 'session' ? sessionKey : agentId
  const word = owner.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '').slice(0, 40)
  return `${scope}-${word}-${createHash('sha256').update(owner).digest('hex').slice(0, 12)}`
}

async function ownMounts ({ settings, workspace, sandboxesDir }: PlanOptions, id: string): Promise<Mount[]> {
  if (settings.workspaceAccess === 'none') {
    await ensurePrivateDirectory(sandboxesDir)
    const own = join(sandboxesDir, id)
    await ensurePrivateDirectory(own)
    return [{ target: inside, source: await realpath(own), access: 'rw' }]
  }
  await ensurePrivateDirectory(workspace)
  const source = await realpath(workspace)
  if (settings.workspaceAccess === 'rw') return [{ target: inside, source, access: 'rw' }]
  return [{ target: inside, source, access: 'ro' }, { target: '/agent', source, access: 'ro' }]
}

/** `source:target[:ro|rw]`, as container engines write it. Without a word it is read-only. */
async function boundMount (bind: string, hidden: readonly string[]): Promise<Mount> {
  const [source = '', target = '', mode = 'ro', ...more] = bind.split(':')
  const refuse = (why: string): SandboxUnavailable => new SandboxUnavailable(`the bind "${bind}" of sandbox.docker.binds ${why}`)
  if (!isAbsolute(source) || !isAbsolute(target) || more.length > 0) throw refuse('is not "/source:/target:ro"')
  const real = await realpath(source).catch(() => { throw refuse('names a source that is not there') })
  if (neverBound.some(path => real === path || (path !== '/' && isWithin(path, real))) || /\.sock$/.test(real)) throw refuse('would open the machine itself')
  if (hidden.some(path => isWithin(path, real))) throw refuse('would show what is hidden')
  if (reserved.some(path => target === path || (path !== '/' && isWithin(path, target) && path !== inside))) throw refuse('has a target that is taken')
  return { target, source: real, access: mode.split(',').includes('rw') ? 'rw' : 'ro' }
}

async function masksOf (mounts: readonly Mount[], hidden: readonly string[]): Promise<Mask[]> {
  const masks: Mask[] = []
  for (const path of hidden) {
    if (hidden.some(other => other !== path && isWithin(other, path))) continue
    const stat = await lstat(path).catch(() => undefined)
    if (!stat) continue
    for (const { source, target } of mounts) {
      if (!isWithin(source, path) || source === path) continue
      masks.push({ target: join(target, relative(source, path)), kind: stat.isDirectory() ? 'directory' : 'file' })
    }
  }
  return masks
}

export async function buildPlan (options: PlanOptions): Promise<SandboxPlan> {
  const { settings, agentId, sessionKey } = options
  const id = sandboxId(settings, agentId, sessionKey)
  const real = (paths: readonly string[]): Promise<string[]> => Promise.all(paths.map(path => realPlace(path)))
  const [guarded, denied] = [await real(options.guarded), await real(options.denied)]
  const hidden = [...guarded, ...denied]
  const given = settings.docker['binds']
  const binds = Array.isArray(given) ? given.filter(bind => typeof bind === 'string') : []
  const own = await ownMounts(options, id)
  const closed = own.find(({ source }) => denied.some(path => isWithin(path, source)))
  if (closed) throw new SandboxUnavailable(`tools.exec.denyPaths closes ${closed.source}, which it would show`, 'Change one of the two.')
  const mounts = [...own, ...await Promise.all(binds.map(bind => boundMount(bind, hidden)))]
  return { id, mounts, masks: await masksOf(mounts, hidden), cwd: inside, settings }
}

/** Where a directory of this machine is inside; the start when it is not there. */
export function placeInside ({ mounts, cwd }: SandboxPlan, path: string): string {
  const mount = mounts.filter(({ source }) => isWithin(source, path)).sort((a, b) => b.source.length - a.source.length)[0]
  return mount ? join(mount.target, relative(mount.source, path)) : cwd
}
