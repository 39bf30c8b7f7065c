/** What a service is to run, and in what surroundings. The same plan always makes the same files: what differs from them is drift. */
import { dirname, posix, win32 } from 'node:path'
import type { Paths } from '../config/paths.ts'
import type { ServiceHost } from './host.ts'
import type { ServiceNames } from './names.ts'

export type ServiceScope = 'user' | 'system'

export interface ServicePlan {
  readonly names: ServiceNames
  readonly scope: ServiceScope
  /** Whom a service of the system runs as. */
  readonly runAs?: string
  readonly programArguments: readonly string[]
  readonly workingDirectory: string
  readonly environment: { readonly [name: string]: string }
  /** Optional, the user's own, 0600: secrets may stand there, and nowhere else. */
  readonly environmentFile: string
  readonly stateDir: string
  /** How long a stop may take by the gateway's own budget. */
  readonly stopBudgetMs: number
  /** Whether the gateway can tell its supervisor that it is ready and alive, and by which way. */
  readonly notifying: Notifying
}

/** `socket`: it is handed a connected one; `program`: it starts systemd's own for each message. */
export type Notifying = 'socket' | 'program' | 'none'

export interface PlanInput {
  readonly host: ServiceHost
  readonly paths: Paths
  readonly names: ServiceNames
  readonly scope: ServiceScope
  readonly runAs?: string
  readonly port: number
  readonly runtime: string
  readonly entry: string
  readonly wrapper?: string
  readonly drainMs: number
  readonly notifying: Notifying
  /** What an installed service was given that does not follow from anything else. */
  readonly installed?: { readonly [name: string]: string }
}

/** Passed on from the shell that installs, and kept from then on. None of them is a secret. */
const captured = ['TMPDIR', 'NODE_EXTRA_CA_CERTS', 'NODE_USE_SYSTEM_CA', 'OPENCLAW_CONFIG_READONLY', 'OPENCLAW_NO_RESPAWN', 'OPENCLAW_INCLUDE_ROOTS']

const reserveMs = 5_000

/** Not the PATH of a shell: it would differ from one terminal to the next, and may lead through places that others can write to. */
function searchPath ({ platform, homeDir, env }: ServiceHost, runtime: string): string {
  if (platform === 'win32') {
    const system = env['SystemRoot'] ?? 'C:\\Windows'
    return [win32.dirname(runtime), `${system}\\System32`, system, `${system}\\System32\\WindowsPowerShell\\v1.0`].join(';')
  }
  const own = ['.local/bin', 'bin', '.npm-global/bin', '.bun/bin', '.volta/bin'].map(name => posix.join(homeDir, name))
  const brew = platform === 'darwin' ? ['/opt/homebrew/bin', '/opt/homebrew/sbin'] : []
  return [...new Set([dirname(runtime), ...own, ...brew, '/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'])].join(':')
}

function environmentOf ({ host, paths, names, port, runtime, wrapper, installed }: PlanInput): { [name: string]: string } {
  const given = installed ?? host.env
  const kept = captured.flatMap(name => given[name] ? [[name, given[name]] as const] : [])
  const own = { linux: ['OPENCLAW_SYSTEMD_UNIT', names.unit], darwin: ['OPENCLAW_LAUNCHD_LABEL', names.label], win32: ['OPENCLAW_WINDOWS_TASK_NAME', names.task] }
  const [name, value] = own[host.platform as keyof typeof own] ?? own.linux
  return {
    HOME: host.homeDir,
    PATH: searchPath(host, runtime),
    ...Object.fromEntries(kept),
    ...(paths.profile === undefined ? {} : { OPENCLAW_PROFILE: paths.profile }),
    OPENCLAW_STATE_DIR: paths.stateDir,
    OPENCLAW_CONFIG_PATH: paths.configPath,
    OPENCLAW_GATEWAY_PORT: String(port),
    ...(wrapper === undefined ? {} : { OPENCLAW_WRAPPER: wrapper }),
    [name!]: value!,
    ...(host.platform === 'win32' ? { OPENCLAW_WINDOWS_TASK_HIDDEN_LAUNCHER: '1' } : {}),
    OPENCLAW_SERVICE_MARKER: 'openclaw',
    OPENCLAW_SERVICE_KIND: 'gateway'
  }
}

export function makePlan (input: PlanInput): ServicePlan {
  const { host, paths, names, scope, runAs, runtime, entry, wrapper, port, drainMs, notifying } = input
  const join = host.platform === 'win32' ? win32.join : posix.join
  return {
    names,
    scope,
    ...(runAs === undefined ? {} : { runAs }),
    programArguments: [...(wrapper === undefined ? [runtime, entry] : [wrapper]), 'gateway', '--port', String(port)],
    workingDirectory: paths.homeDir,
    environment: environmentOf(input),
    environmentFile: join(paths.stateDir, 'gateway.systemd.env'),
    stateDir: paths.stateDir,
    stopBudgetMs: drainMs + reserveMs,
    notifying
  }
}
