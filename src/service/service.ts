/** What every supervisor can be asked, whichever one this machine has. */
import type { ServiceHost } from './host.ts'
import { ServiceError, type ServiceNames } from './names.ts'
import type { ServicePlan, ServiceScope } from './plan.ts'

/** What a definition says about the program that it runs. */
export interface ReadDefinition {
  readonly programArguments: readonly string[]
  readonly workingDirectory: string | undefined
  readonly environment: { readonly [name: string]: string }
}

/** What the supervisor was told, as it stands on the disk. */
export interface InstalledService extends ReadDefinition {
  readonly path: string
  readonly scope: ServiceScope
  readonly text: string
  readonly runAs?: string
  /** Registered as a start-up entry because tasks are not allowed here. */
  readonly isFallback?: boolean
}

export interface ServiceRuntime {
  readonly status: 'running' | 'stopped' | 'unknown'
  readonly state?: string
  readonly pid?: number
  readonly lastExitStatus?: number
  readonly lastExitReason?: string
  readonly detail?: string
}

export interface ServiceFile {
  readonly path: string
  readonly text: string
  readonly mode: number
  readonly encoding?: 'utf16le'
}

export interface StopOptions {
  /** Not started at the next login either, until somebody starts it. */
  readonly disable: boolean
  /** The process that is known to be this gateway, where the supervisor does not end it. */
  readonly gatewayPid?: number
}

export interface ServiceManager {
  readonly kind: 'systemd' | 'launchd' | 'schtasks'
  readonly title: string
  readonly label: string
  readonly loadedText: string
  readonly notLoadedText: string
  /** Every file that belongs to the service. */
  files (plan: ServicePlan): ServiceFile[]
  find (): Promise<InstalledService | undefined>
  isLoaded (): Promise<boolean>
  runtime (): Promise<ServiceRuntime>
  /** Writes the files, registers the service and starts it anew. The sentences are what the user should know. */
  install (plan: ServicePlan): Promise<string[]>
  uninstall (): Promise<void>
  start (): Promise<void>
  stop (options: StopOptions): Promise<void>
  restart (options: Pick<StopOptions, 'gatewayPid'>): Promise<void>
}

export interface ManagerOptions {
  readonly host: ServiceHost
  readonly names: ServiceNames
  readonly stateDir: string
  /** Named by the user; otherwise the one that is installed, and `user` where none is. */
  readonly scope?: ServiceScope
}

export async function createServiceManager (options: ManagerOptions): Promise<ServiceManager> {
  switch (options.host.platform) {
    case 'linux': return (await import('./systemd.ts')).createSystemd(options)
    case 'darwin': return (await import('./launchd.ts')).createLaunchd(options)
    case 'win32': return (await import('./scheduled-task.ts')).createScheduledTask(options)
    default: throw new ServiceError(`services are not supported on ${options.host.platform}`, ['Run `openclaw gateway run` under the supervisor that you have.'])
  }
}

export async function writeFiles ({ files }: ServiceHost, wanted: readonly ServiceFile[]): Promise<void> {
  for (const { path, text, mode, encoding } of wanted) {
    const old = await files.read(path)
    const content = encoding ? Buffer.from(`\ufeff${text}`, encoding) : Buffer.from(text)
    if (old?.equals(content)) continue
    // The unit that was there may hold what its user wrote into it.
    if (old && /\.(service|plist)$/.test(path)) await files.write(`${path}.bak`, old, mode)
    await files.write(path, content, mode)
  }
}

/** The last line of what a program said about its failure. */
export const lastLine = (text: string): string => text.trim().split('\n').at(-1)?.trim() ?? ''
