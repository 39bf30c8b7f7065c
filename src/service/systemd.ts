/** Services of systemd: of one user, or of the whole machine. */
import { posix } from 'node:path'
import type { Ran, ServiceHost } from './host.ts'
import { lastLine, writeFiles, type InstalledService, type ManagerOptions, type ServiceManager, type ServiceRuntime } from './service.ts'
import { ServiceError } from './names.ts'
import type { Notifying, ServicePlan, ServiceScope } from './plan.ts'
import { readUnit, unitText } from './unit-text.ts'

const noBus = /Failed to connect to (?:user scope )?bus|No medium found|not been booted with systemd|Operation not permitted.*bus/i
/** A stop waits for the drain, a start for READY. */
const longMs = 400_000

const unitDirectory = (host: ServiceHost, scope: ServiceScope): string =>
  scope === 'system' ? '/etc/systemd/system' : posix.join(host.env['XDG_CONFIG_HOME'] || posix.join(host.homeDir, '.config'), 'systemd', 'user')

export const unitPath = (host: ServiceHost, scope: ServiceScope, unit: string): string => posix.join(unitDirectory(host, scope), unit)

function unusable ({ userName }: ServiceHost, scope: ServiceScope, { code, stderr }: Ran): ServiceError {
  if (code === undefined) {
    return new ServiceError('systemctl is not there, so this machine has no systemd to run services', [
      'Run `openclaw gateway run` under the supervisor that you have; in a container it is the main process.'
    ])
  }
  return scope === 'system'
    ? new ServiceError(`systemd cannot be reached: ${lastLine(stderr)}`, ['In a container, run `openclaw gateway run` as its main process.'])
    : new ServiceError(`the systemd manager of ${userName} cannot be reached: ${lastLine(stderr)}`, [
      `Let it run without a login: sudo loginctl enable-linger ${userName}`,
      `Then log in as ${userName} itself (ssh or a terminal, not su or sudo), or use a service of the machine: sudo openclaw gateway install --system`
    ])
}

/** One place through which every call goes, because the manager of a user is not always where it is looked for first. */
function createSystemctl (host: ServiceHost, scope: ServiceScope) {
  return async (args: readonly string[], timeoutMs?: number): Promise<Ran> => {
    const first = await host.run('systemctl', [...(scope === 'user' ? ['--user'] : []), ...args], timeoutMs)
    if (first.code === 0 || (first.code !== undefined && !noBus.test(first.stderr))) return first
    if (first.code === undefined || scope === 'system') throw unusable(host, scope, first)
    const second = await host.run('systemctl', ['--machine', `${host.userName}@`, '--user', ...args], timeoutMs)
    if (second.code !== 0 && (second.code === undefined || noBus.test(second.stderr) || /transport endpoint|machine/i.test(second.stderr))) throw unusable(host, scope, first)
    return second
  }
}

async function readInstalled (host: ServiceHost, scope: ServiceScope, unit: string): Promise<InstalledService | undefined> {
  const path = unitPath(host, scope, unit)
  const text = (await host.files.read(path))?.toString('utf8')
  if (text === undefined) return undefined
  const { runAs, ...read } = readUnit(text)
  return { path, scope, text, ...read, ...(runAs === undefined ? {} : { runAs }) }
}

const programPlaces = ['/usr/bin', '/bin', '/usr/local/bin', '/run/current-system/sw/bin']
/** From this version on a unit can be handed a socket that is connected already. */
const socketsSince = 253

export async function notifyingOf (host: ServiceHost): Promise<Notifying> {
  // Needed with newer versions as well, where the socket could not be opened.
  const there = await Promise.all(programPlaces.map(place => host.files.exists(`${place}/systemd-notify`)))
  if (!there.includes(true)) return 'none'
  const version = Number(/^systemd (\d+)/.exec((await host.run('systemctl', ['--version'])).stdout)?.[1])
  return version >= socketsSince ? 'socket' : 'program'
}

/** `yes`, `no`, or unknown where logind is not there. */
export async function lingers (host: ServiceHost): Promise<boolean | undefined> {
  const { code, stdout } = await host.run('loginctl', ['show-user', host.userName, '--property=Linger'])
  const said = /^Linger=(yes|no)/m.exec(stdout)?.[1]
  return code === 0 && said ? said === 'yes' : undefined
}

export const lingerHint = ({ userName }: ServiceHost): string =>
  `This service ends when ${userName} logs out, and does not start at boot. To keep it: sudo loginctl enable-linger ${userName}`

function runtimeOf (printed: string): ServiceRuntime {
  const values = new Map(printed.split('\n').map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]))
  const active = values.get('ActiveState') ?? 'unknown'
  const pid = Number(values.get('MainPID'))
  const lastExitStatus = Number(values.get('ExecMainStatus'))
  const result = values.get('Result')
  const status = active === 'active' || active === 'reloading' || active === 'activating' || active === 'deactivating' ? 'running' : active === 'unknown' ? 'unknown' : 'stopped'
  return {
    status,
    state: [active, values.get('SubState')].filter(Boolean).join('/'),
    ...(pid > 0 ? { pid } : {}),
    ...(status === 'stopped' && Number.isInteger(lastExitStatus) ? { lastExitStatus } : {}),
    ...(result && result !== 'success' ? { lastExitReason: result } : {}),
    ...(values.get('StatusText') ? { detail: values.get('StatusText')! } : {})
  }
}

export async function createSystemd ({ host, names: { unit }, scope: asked }: ManagerOptions): Promise<ServiceManager> {
  const scope = asked ?? (await readInstalled(host, 'user', unit) ? 'user' : await readInstalled(host, 'system', unit) ? 'system' : 'user')
  const systemctl = createSystemctl(host, scope)
  const path = unitPath(host, scope, unit)

  async function mustSucceed (args: readonly string[], timeoutMs?: number): Promise<void> {
    const { code, stderr } = await systemctl(args, timeoutMs)
    if (code === 0) return
    const why = lastLine(stderr) || 'it did not answer in time'
    throw new ServiceError(`systemctl ${args.join(' ')} failed: ${why}`, [
      `See why: journalctl ${scope === 'user' ? '--user ' : ''}-u ${unit} -n 50`, 'And: openclaw gateway status --deep'
    ])
  }

  async function mayWrite (): Promise<void> {
    if (scope === 'system' && host.uid !== 0) throw new ServiceError('a service of the system is the administrator\'s', ['Repeat it with sudo.'])
    if (scope === 'user' && await readInstalled(host, 'system', unit)) {
      throw new ServiceError(`${unit} is already a service of the system`, ['Change that one (add --system), or remove it: sudo openclaw gateway uninstall --system'])
    }
  }

  const manager: ServiceManager = {
    kind: 'systemd',
    title: scope === 'system' ? 'systemd (system)' : 'systemd',
    label: unit,
    loadedText: 'enabled',
    notLoadedText: 'disabled',
    files: plan => [{ path, text: unitText(plan), mode: 0o644 }],
    find: () => readInstalled(host, scope, unit),
    async isLoaded () {
      const { code, stdout } = await systemctl(['is-enabled', unit])
      return code === 0 && /^(enabled|enabled-runtime|linked|static)/.test(stdout)
    },
    async runtime () {
      const { code, stdout, stderr } = await systemctl(['show', unit, '--property', 'ActiveState,SubState,MainPID,ExecMainStatus,ExecMainCode,Result,StatusText'])
      return code === 0 ? runtimeOf(stdout) : { status: 'unknown', detail: lastLine(stderr) }
    },
    async install (plan: ServicePlan) {
      await mayWrite()
      // Asked first, so that nothing is left behind where no systemd answers.
      await systemctl(['show-environment'])
      await writeFiles(host, manager.files(plan))
      await mustSucceed(['daemon-reload'])
      await mustSucceed(['enable', unit])
      await systemctl(['reset-failed', unit])
      await mustSucceed(['restart', unit], longMs)
      return scope === 'user' && await lingers(host) === false ? [lingerHint(host)] : []
    },
    async uninstall () {
      if (scope === 'system' && host.uid !== 0) await mayWrite()
      const { code, stderr } = await systemctl(['disable', '--now', unit], longMs)
      if (code !== 0 && !/not exist|not loaded|no such file/i.test(stderr)) throw new ServiceError(`systemctl disable --now ${unit} failed: ${lastLine(stderr)}`)
      await host.files.remove(path)
      await mustSucceed(['daemon-reload'])
      await systemctl(['reset-failed', unit])
    },
    async start () {
      await systemctl(['reset-failed', unit])
      await mustSucceed(['start', unit], longMs)
    },
    async stop ({ disable }) {
      await mustSucceed(['stop', unit], longMs)
      if (disable) await mustSucceed(['disable', unit])
    },
    async restart () {
      await systemctl(['reset-failed', unit])
      await mustSucceed(['restart', unit], longMs)
    }
  }
  return manager
}
