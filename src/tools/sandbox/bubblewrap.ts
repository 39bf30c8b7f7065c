/** Sandboxes of Linux itself: namespaces for everything, made by bubblewrap for each command and gone with it. */
import { execFile } from 'node:child_process'
import { lstat, readlink } from 'node:fs/promises'
import { findProgram } from '../../lib/programs.ts'
import { placeInside, type SandboxBackend, type SandboxPlan } from './plan.ts'
import { SandboxUnavailable } from './refusal.ts'
import { seccompFilter } from './seccomp.ts'

export interface BubblewrapOptions {
  /** Where programs are looked for. */
  readonly searchPath: string
  /** Names the only user there is inside. */
  readonly passwdFile: () => Promise<string>
  readonly now: () => number
}

const install = 'Install it: "apt-get install bubblewrap" (Debian, Ubuntu), "dnf install bubblewrap" (Fedora), "apk add bubblewrap" (Alpine); ' +
  'or set agents.defaults.sandbox.mode to "off".'
const permit = 'The kernel must allow user namespaces: sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0, ' +
  'or in a container --security-opt seccomp=unconfined; or set agents.defaults.sandbox.mode to "off".'

/** Programs and what they need to start. Everything else of the machine stays outside. */
const systemDirectories = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']
const systemFiles = [
  '/etc/alternatives', '/etc/ld.so.cache', '/etc/ld.so.conf', '/etc/ld.so.conf.d', '/etc/ssl', '/etc/ca-certificates', '/etc/pki',
  '/etc/localtime', '/etc/timezone', '/etc/mime.types'
]
const networkFiles = ['/etc/resolv.conf', '/etc/hosts', '/etc/nsswitch.conf']
const home = '/home/agent'
const scratchBytes = 512 * 1024 * 1024
const probeMs = 10_000
/** How long a failure is believed: somebody may be installing it right now. */
const failureMs = 5_000

async function systemArgs (): Promise<string[]> {
  const args: string[] = []
  for (const path of systemDirectories) {
    const stat = await lstat(path).catch(() => undefined)
    if (stat?.isSymbolicLink()) args.push('--symlink', await readlink(path), path)
    else if (stat?.isDirectory()) args.push('--ro-bind', path, path)
  }
  return args
}

/** Nothing of the gateway's own: neither its namespaces, nor its network, nor its rights, nor its terminal. */
const isolation = (hasNetwork: boolean): string[] => [
  '--unshare-all', ...hasNetwork ? ['--share-net'] : [], '--unshare-user', '--uid', '1000', '--gid', '1000', '--disable-userns',
  '--hostname', 'sandbox', '--die-with-parent', '--new-session', '--cap-drop', 'ALL'
]

const emptyPlaces = [
  '--proc', '/proc', '--dev', '/dev', '--size', String(scratchBytes), '--tmpfs', '/tmp', '--size', String(scratchBytes), '--tmpfs', home,
  '--dir', '/var', '--symlink', '/tmp', '/var/tmp', '--dir', '/run'
]

export async function bubblewrapArgs (plan: SandboxPlan, passwdFile: string): Promise<string[]> {
  const { hasNetwork } = plan.settings
  const optional = [...systemFiles, ...hasNetwork ? networkFiles : []].flatMap(path => ['--ro-bind-try', path, path])
  return [
    ...isolation(hasNetwork), ...await systemArgs(), ...emptyPlaces, ...optional, '--ro-bind', passwdFile, '/etc/passwd',
    ...plan.mounts.flatMap(({ source, target, access: kind }) => [kind === 'rw' ? '--bind' : '--ro-bind', source, target]),
    ...plan.masks.flatMap(({ kind, target }) => kind === 'directory'
      ? ['--size', '4096', '--perms', '0555', '--tmpfs', target]
      : ['--ro-bind', '/dev/null', target]),
    '--remount-ro', '/'
  ]
}

/** What a command finds in its environment: nothing that names a place outside. */
export function environmentInside (env: { readonly [name: string]: string }): { [name: string]: string } {
  const { XDG_RUNTIME_DIR: _, TMP: __, TEMP: ___, ...rest } = env
  return { ...rest, PATH: '/usr/local/bin:/usr/bin:/bin', HOME: home, TMPDIR: '/tmp', USER: 'agent', LOGNAME: 'agent', SHELL: '/bin/sh' }
}

async function find (searchPath: string): Promise<string> {
  const file = await findProgram('bwrap', searchPath || '/usr/local/bin:/usr/bin:/bin')
  if (file === undefined) throw new SandboxUnavailable('bubblewrap is not installed', install)
  return file
}

function probe (file: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(file, [...args, '/bin/sh', '-c', ':'], { env: {}, cwd: '/', timeout: probeMs, killSignal: 'SIGKILL' }, (error, _, stderr) => {
      if (!error) return resolve()
      const said = stderr.trim().split('\n')[0]?.slice(0, 300) || error.message
      reject(new SandboxUnavailable(`bubblewrap cannot make one here (${said})`, permit))
    })
  })
}

/** Proves that sandboxes can be made before the first command is trusted to one. */
export function createBubblewrap ({ searchPath, passwdFile, now }: BubblewrapOptions): SandboxBackend {
  const filter = seccompFilter()
  let proven: Promise<string> | undefined
  let failedAtMs = -Infinity

  async function prove (): Promise<string> {
    if (process.platform !== 'linux') {
      throw new SandboxUnavailable('bubblewrap is there on Linux alone', 'Set agents.defaults.sandbox.backend to "docker".')
    }
    const file = await find(searchPath)
    await probe(file, [...isolation(false), ...await systemArgs(), ...emptyPlaces])
    return file
  }

  async function program (): Promise<string> {
    if (failedAtMs !== -Infinity && now() - failedAtMs > failureMs) {
      failedAtMs = -Infinity
      proven = undefined
    }
    proven ??= prove().catch((error: unknown) => {
      failedAtMs = now()
      throw error
    })
    return await proven
  }

  return {
    async launcherFor (plan) {
      const file = await program()
      const passwd = await passwdFile()
      return {
        kind: 'sandbox',
        async prepare (command, { cwd, env, stdin }) {
          const rules = filter ? ['--seccomp', '3'] : []
          const args = [...await bubblewrapArgs(plan, passwd), ...rules, '--chdir', placeInside(plan, cwd), '/bin/sh', '-c', command]
          // The environment is handed over as such: on the command line everybody on this machine could read it.
          return { program: { file, args, cwd: '/', env: environmentInside(env), stdin, ...filter ? { third: filter } : {} } }
        }
      }
    }
  }
}
