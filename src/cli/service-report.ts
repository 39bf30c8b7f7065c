/** What `gateway status` and `status` say about the service. That there is none, or no supervisor, is an answer and no failure. */
import { secretName, type ServiceIssue } from '../service/drift.ts'
import type { ServiceRuntime } from '../service/service.ts'
import { ServiceError } from '../service/names.ts'
import { otherServices, type OtherService } from '../service/others.ts'
import type { CommandContext } from './define-command.ts'
import { servicePort } from './service-port.ts'
import { nonCanonical, openService, type ServiceSetup } from './service-setup.ts'
import type { TargetFlags } from './target.ts'

export interface ServiceReport {
  readonly label: string
  readonly loaded: boolean
  readonly loadState: { readonly status: string }
  readonly loadedText: string
  readonly notLoadedText: string
  readonly targetRole: string
  readonly command: {
    readonly programArguments: readonly string[]
    readonly workingDirectory: string | null
    readonly environment: { readonly [name: string]: string }
    readonly sourcePath: string
  } | null
  readonly runtime: ServiceRuntime
  readonly configAudit: { readonly ok: boolean, readonly issues: readonly ServiceIssue[] }
}

interface Seen {
  /** The gateway is one of this machine. */
  readonly local: boolean
  readonly deep: boolean
  readonly pid: number | undefined
  readonly isRunning: boolean
}

interface Found { report: ServiceReport, configPath?: string, others: readonly OtherService[] }

const withoutService = ({ local, pid, isRunning }: Seen, why: string): ServiceReport => ({
  label: 'not installed as a service',
  loaded: false,
  loadState: { status: 'not-loaded' },
  loadedText: 'enabled',
  notLoadedText: why,
  targetRole: 'diagnostic-only',
  command: null,
  runtime: local
    ? { status: isRunning ? 'running' : 'stopped', ...(pid === undefined ? {} : { pid }) }
    : { status: 'unknown', detail: 'the gateway is on another machine' },
  configAudit: { ok: true, issues: [] }
})

const hideSecrets = (environment: { readonly [name: string]: string }): { [name: string]: string } =>
  Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, secretName.test(name) ? '***' : value]))

async function ofInstalled ({ manager, installed, issues }: ServiceSetup): Promise<ServiceReport> {
  const [loaded, runtime, drift] = await Promise.all([manager.isLoaded(), manager.runtime(), issues()])
  const { programArguments, workingDirectory, environment, path } = installed!
  return {
    label: manager.title,
    loaded,
    loadState: { status: loaded ? 'loaded' : 'not-loaded' },
    loadedText: manager.loadedText,
    notLoadedText: manager.notLoadedText,
    targetRole: 'service',
    command: { programArguments, workingDirectory: workingDirectory ?? null, environment: hideSecrets(environment), sourcePath: path },
    runtime,
    configAudit: { ok: drift.length === 0, issues: drift }
  }
}

export async function createServiceReport (context: Pick<CommandContext, 'global' | 'io'>, seen: Seen): Promise<Found> {
  const byHand = 'started by hand or by your own supervisor'
  if (!seen.local) return { report: withoutService(seen, byHand), others: [] }
  try {
    const setup = await openService(context)
    const isElsewhere = nonCanonical(setup.settings.paths, setup.host) !== undefined && setup.installed?.scope !== 'system'
    const others = seen.deep ? await otherServices(setup.host, setup.names, setup.installed?.path) : []
    if (isElsewhere || !setup.installed) return { report: withoutService(seen, byHand), others }
    const configPath = setup.installed.environment['OPENCLAW_CONFIG_PATH']
    return { report: await ofInstalled(setup), ...(configPath ? { configPath } : {}), others }
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error
    return { report: withoutService(seen, `${byHand}; ${error.message}`), others: [] }
  }
}

/** The gateway of this state directory is where its service was told to be, unless the command says where to look. */
export async function portOfService ({ global, io, options }: CommandContext<TargetFlags>): Promise<number | undefined> {
  if (options.url !== undefined || options.port !== undefined || io.env['OPENCLAW_GATEWAY_URL'] || io.env['OPENCLAW_GATEWAY_PORT']) return undefined
  try {
    const setup = await openService({ global, io })
    const isMeant = setup.installed !== undefined && setup.settings.mode !== 'remote' && nonCanonical(setup.settings.paths, setup.host) === undefined
    return isMeant ? servicePort(setup) : undefined
  } catch (error) {
    if (error instanceof ServiceError) return undefined
    throw error
  }
}
