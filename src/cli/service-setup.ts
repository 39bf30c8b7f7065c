/** Everything that a command about the service needs: the supervisor of this machine, what it has, and what it should have. */
import { existsSync, realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { valueAt } from '../config/path-syntax.ts'
import { resolvePaths, type Paths } from '../config/paths.ts'
import { serviceIssues, type ServiceIssue } from '../service/drift.ts'
import { thisHost, type ServiceHost } from '../service/host.ts'
import { createServiceManager, type InstalledService, type ServiceManager } from '../service/service.ts'
import { ServiceError, serviceNames, type ServiceNames } from '../service/names.ts'
import { makePlan, type ServicePlan, type ServiceScope } from '../service/plan.ts'
import { notifyingOf } from '../service/systemd.ts'
import type { CommandContext } from './define-command.ts'
import { loadLocalSettings, pathsOf, type LocalSettings } from './local-settings.ts'
import { servicePort } from './service-port.ts'

export interface PlanWishes {
  readonly port?: number | undefined
  readonly runtimePath?: string | undefined
  readonly wrapper?: string | undefined
}

export interface ServiceSetup {
  readonly host: ServiceHost
  readonly names: ServiceNames
  readonly manager: ServiceManager
  readonly installed: InstalledService | undefined
  readonly settings: LocalSettings
  plan (wishes: PlanWishes): Promise<ServicePlan>
  /** What is installed, as it should be. */
  repairPlan (): Promise<ServicePlan>
  /** How what is installed differs from that. */
  issues (): Promise<ServiceIssue[]>
}

type Asking = Pick<CommandContext, 'global' | 'io'>

export interface SetupOptions {
  readonly scope?: ServiceScope | undefined
  readonly runAs?: string | undefined
}

/** The account that a service of the system runs as; whoever called sudo, unless somebody is named. */
async function accountOf (host: ServiceHost, { scope, runAs }: SetupOptions): Promise<{ host: ServiceHost, runAs?: string }> {
  if (scope !== 'system') return { host }
  const name = runAs ?? host.env['SUDO_USER'] ?? host.userName
  if (name === host.userName) return { host, runAs: name }
  const { code, stdout } = await host.run('getent', ['passwd', name])
  const homeDir = stdout.split(':')[5]
  if (code !== 0 || !homeDir) throw new ServiceError(`there is no user ${name} on this machine`, ['Name one with --run-as.'])
  return { host: { ...host, homeDir }, runAs: name }
}

/** The surroundings that a command about somebody else's service has to see. */
function surroundings (env: NodeJS.ProcessEnv, host: ServiceHost, installed: InstalledService | undefined): NodeJS.ProcessEnv {
  const { OPENCLAW_STATE_DIR: _state, OPENCLAW_CONFIG_PATH: _config, OPENCLAW_HOME: _home, ...rest } = env
  const { HOME, OPENCLAW_STATE_DIR, OPENCLAW_CONFIG_PATH } = installed?.environment ?? {}
  return {
    ...rest,
    HOME: HOME ?? host.homeDir,
    ...(OPENCLAW_STATE_DIR ? { OPENCLAW_STATE_DIR } : {}),
    ...(OPENCLAW_CONFIG_PATH ? { OPENCLAW_CONFIG_PATH } : {})
  }
}

const realPath = (path: string): string => {
  try {
    return realpathSync(path)
  } catch {
    return resolve(path)
  }
}

/** This very program, by the path that stays when links to it change. */
const ownEntry = (): string => realPath(process.argv[1] ?? '')

/** A service has a fixed place for its state; one that is told another by a shell would be somebody else's service under the same name. */
export function nonCanonical (paths: Paths, host: ServiceHost): string | undefined {
  const canonical = resolvePaths({ env: {}, homedir: host.homeDir, ...(paths.profile === undefined ? {} : { profile: paths.profile }) })
  const different = (['homeDir', 'stateDir', 'configPath'] as const).filter(key => resolve(paths[key]) !== resolve(canonical[key]))
  if (different.length === 0) return undefined
  const named = { homeDir: 'the home', stateDir: 'the state directory', configPath: 'the configuration' }
  return different.map(key => `${named[key]} is ${paths[key]}, and the account's is ${canonical[key]}`).join('; ')
}

export async function openService (asking: Asking, options: SetupOptions = {}): Promise<ServiceSetup> {
  const { io, global } = asking
  const account = await accountOf(io.serviceHost ?? thisHost(io.env), options)
  const { host } = account
  const names = serviceNames(pathsOf(asking).profile, io.env, host.platform)
  const manager = await createServiceManager({
    host, names, stateDir: pathsOf(asking).stateDir, ...(options.scope === undefined ? {} : { scope: options.scope })
  })
  const installed = await manager.find()
  const isOfSystem = (options.scope ?? installed?.scope) === 'system'
  const settings = await loadLocalSettings(isOfSystem ? { global, io: { ...io, env: surroundings(io.env, host, installed) } } : asking)
  const runAs = account.runAs ?? installed?.runAs

  async function plan ({ port, runtimePath, wrapper }: PlanWishes, keeps?: InstalledService): Promise<ServicePlan> {
    const runtime = runtimePath ?? realPath(process.execPath)
    const oldWrapper = wrapper ?? keeps?.environment['OPENCLAW_WRAPPER']
    return makePlan({
      host,
      paths: settings.paths,
      names,
      scope: isOfSystem ? 'system' : 'user',
      ...(isOfSystem && runAs !== undefined ? { runAs } : {}),
      port: port ?? settings.port,
      runtime,
      entry: ownEntry(),
      ...(oldWrapper ? { wrapper: oldWrapper } : {}),
      drainMs: settings.loaded.config.gateway.shutdown.drainMs,
      notifying: host.platform === 'linux' ? await notifyingOf(host) : 'none',
      ...(keeps ? { installed: keeps.environment } : {})
    })
  }

  return {
    host,
    names,
    manager,
    installed,
    settings,
    plan: wishes => plan(wishes),
    repairPlan: () => installed ? plan(keptWishes(installed, settings, host), installed) : plan({}),
    async issues () {
      if (!installed) return []
      return await serviceIssues(host, manager, installed, await plan(keptWishes(installed, settings, host), installed))
    }
  }
}

/** What was chosen and is still good stays: a runtime that is there, and a port that the configuration does not contradict. */
function keptWishes (installed: InstalledService, settings: LocalSettings, host: ServiceHost): PlanWishes {
  const [runtime] = installed.programArguments
  const isSet = valueAt(settings.loaded.source, ['gateway', 'port']) !== undefined
  const port = isSet ? settings.loaded.config.gateway.port : servicePort({ installed, settings })
  const isKept = runtime !== undefined && host.platform === process.platform && existsSync(runtime) && /[\\/]node(\.exe)?$/.test(runtime)
  return { port, ...(isKept ? { runtimePath: runtime } : {}) }
}
