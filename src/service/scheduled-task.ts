/** A Scheduled Task of Windows; where tasks are forbidden, an entry of the user's Startup folder. */
import { win32 } from 'node:path'
import type { Ran } from './host.ts'
import { lastLine, writeFiles, type ManagerOptions, type ServiceManager } from './service.ts'
import { ServiceError } from './names.ts'
import type { ServicePlan } from './plan.ts'
import { commandFileText, launcherText, readCommandFile, taskXml } from './task-text.ts'

export async function createScheduledTask ({ host, names: { task }, scope, stateDir }: ManagerOptions): Promise<ServiceManager> {
  if (scope === 'system') throw new ServiceError('--system is for systemd', ['Leave it out: on Windows the gateway is a task of its user.'])
  const commandFile = win32.join(stateDir, 'gateway.cmd')
  const launcher = win32.join(stateDir, 'gateway-hidden.vbs')
  const definition = win32.join(stateDir, 'gateway-task.xml')
  const applicationData = host.env['APPDATA'] ?? win32.join(host.homeDir, 'AppData', 'Roaming')
  const startup = win32.join(applicationData, 'Microsoft', 'Windows', 'Start Menu', 'Programs', 'Startup', `${task}.vbs`)
  const user = host.env['USERDOMAIN'] ? `${host.env['USERDOMAIN']}\\${host.userName}` : host.userName

  const schtasks = (...args: string[]): Promise<Ran> => host.run('schtasks', args, 15_000)
  const query = (): Promise<Ran> => schtasks('/Query', '/TN', task, '/V', '/FO', 'LIST')
  const isTask = async (): Promise<boolean> => (await query()).code === 0
  const isEntry = async (): Promise<boolean> => await host.files.read(startup) !== undefined

  async function mustSucceed (...args: string[]): Promise<void> {
    const { code, stdout, stderr } = await schtasks(...args)
    if (code !== 0) throw new ServiceError(`schtasks ${args.join(' ')} failed: ${lastLine(stderr || stdout) || 'it did not answer in time'}`)
  }

  async function run (): Promise<void> {
    if (await isTask()) return await mustSucceed('/Run', '/TN', task)
    // `start` leaves it running on its own; wscript would keep us until the gateway ends.
    const { code, stderr } = await host.run('cmd.exe', ['/d', '/c', 'start', '', 'wscript.exe', launcher])
    if (code !== 0) throw new ServiceError(`the gateway could not be started: ${lastLine(stderr)}`)
  }

  const manager: ServiceManager = {
    kind: 'schtasks',
    title: 'Scheduled Task',
    label: task,
    loadedText: 'registered',
    notLoadedText: 'not registered',
    files: (plan: ServicePlan) => [
      { path: commandFile, text: commandFileText(plan), mode: 0o600 },
      { path: launcher, text: launcherText(commandFile), mode: 0o600 },
      { path: definition, text: taskXml(plan, launcher, user), mode: 0o600, encoding: 'utf16le' }
    ],
    async find () {
      const text = (await host.files.read(commandFile))?.toString('utf8')
      if (text === undefined) return undefined
      return { path: commandFile, scope: 'user', text, ...readCommandFile(text), isFallback: await isEntry() }
    },
    isLoaded: async () => await isTask() || await isEntry(),
    async runtime () {
      const { code, stdout } = await query()
      if (code !== 0) return { status: 'unknown', detail: await isEntry() ? 'started from the Startup folder' : 'not registered' }
      const state = /^Status:\s*(.+?)\s*$/m.exec(stdout)?.[1]
      const last = /^Last Result:\s*(-?\d+)/m.exec(stdout)?.[1]
      return {
        status: state === 'Running' ? 'running' : 'stopped',
        ...(state ? { state } : {}),
        ...(last === undefined ? {} : { lastExitStatus: Number(last) })
      }
    },
    async install (plan) {
      await writeFiles(host, manager.files(plan))
      const { code, stdout, stderr } = await schtasks('/Create', '/TN', task, '/XML', definition, '/F')
      if (code === 0) {
        await host.files.remove(startup)
        await run()
        return []
      }
      await host.files.write(startup, launcherText(commandFile), 0o600)
      await run()
      const why = lastLine(stderr || stdout) || 'it did not answer in time'
      return [`Tasks are not allowed here (${why}); the gateway starts from the Startup folder when ${host.userName} logs in: ${startup}`]
    },
    async uninstall () {
      if (await isTask()) {
        await schtasks('/End', '/TN', task)
        await mustSucceed('/Delete', '/TN', task, '/F')
      }
      for (const path of [startup, launcher, definition, commandFile]) await host.files.remove(path)
    },
    start: run,
    async stop ({ disable, gatewayPid }) {
      if (await isTask()) {
        await schtasks('/End', '/TN', task)
        if (disable) await mustSucceed('/Change', '/TN', task, '/DISABLE')
      } else if (disable) await host.files.remove(startup)
      // Ending a task ends its launcher; what that started goes on.
      if (gatewayPid !== undefined) await host.run('taskkill', ['/PID', String(gatewayPid), '/T', '/F'])
    },
    async restart ({ gatewayPid }) {
      await manager.stop({ disable: false, ...(gatewayPid === undefined ? {} : { gatewayPid }) })
      await run()
    }
  }
  return manager
}
